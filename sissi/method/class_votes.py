"""Votes on the class of fused boxes (3.4, for several classes)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sissi.boxes import EMPTY, Boxes, concatenate, iou, make_boxes, match


def voted(fused: Boxes, per_view: Sequence[Boxes], initial: Boxes = EMPTY, initial_vote: float = 0.0) -> Boxes:
    """Fused boxes with the classes that the boxes of the views, and initial labels, vote for.

    A box of a view votes on the fused box that it overlaps most, with the weight score times IoU. A network that has
    not yet learned to tell the classes apart spreads its votes over them, and would replace the classes of the labels
    by chance. So an initial label that matches a fused box (IoU 0.5) has a vote too, with its score times
    `initial_vote` as its share. Of equal shares, the first class wins.

    Args:
        fused: fused boxes, whatever their labels.
        per_view: boxes of each view, in the same px; each fused box overlaps one at least.
        initial: weak labels, in the same px.
        initial_vote: weight of an initial label, relative to all views together.
    """
    boxes = concatenate(per_view)
    overlaps = iou(fused, boxes).astype(np.float64)
    if not overlaps.size:
        return fused
    classes = np.unique(np.concatenate([boxes.labels, initial.labels]))
    chosen = overlaps.argmax(axis=0)[None] == np.arange(len(fused))[:, None]
    lonely = ~chosen.any(axis=1, keepdims=True)  # its boxes lie closer to other fused boxes: all that it overlaps vote
    weights = np.where(chosen | lonely, overlaps * boxes.scores, 0)
    votes = np.stack([weights[:, boxes.labels == label].sum(axis=1) for label in classes], axis=1)
    shares = votes / np.maximum(votes.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    partner = match(fused, initial)
    paired = np.flatnonzero(partner >= 0)
    named = np.searchsorted(classes, initial.labels[partner[paired]])
    shares[paired, named] += initial_vote * initial.scores[partner[paired]]
    return make_boxes(fused.xyxy, fused.scores, classes[shares.argmax(axis=1)])
