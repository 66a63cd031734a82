"""Votes on the class of fused boxes (3.4, for several classes)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sissi.boxes import Boxes, concatenate, iou, make_boxes


def voted(fused: Boxes, per_view: Sequence[Boxes]) -> Boxes:
    """Fused boxes with the classes that the boxes of the views vote for.

    A box of a view votes on the fused box that it overlaps most, with the weight score times IoU. Of equal weights the
    first class wins.

    Args:
        fused: fused boxes, whatever their labels.
        per_view: boxes of each view, in the same px; each fused box overlaps one at least.
    """
    boxes = concatenate(per_view)
    classes = np.unique(boxes.labels)
    overlaps = iou(fused, boxes).astype(np.float64)
    if not overlaps.size:
        return fused
    chosen = overlaps.argmax(axis=0)[None] == np.arange(len(fused))[:, None]
    lonely = ~chosen.any(axis=1, keepdims=True)  # its boxes lie closer to other fused boxes: all that it overlaps vote
    weights = np.where(chosen | lonely, overlaps * boxes.scores, 0)
    votes = np.stack([weights[:, boxes.labels == label].sum(axis=1) for label in classes], axis=1)
    return make_boxes(fused.xyxy, fused.scores, classes[votes.argmax(axis=1)])
