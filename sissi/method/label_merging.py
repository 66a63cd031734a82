"""Labels of the next epoch: merging of initial and pseudo labels, and images without pseudo labels (3.4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, concatenate, iou, make_boxes, match
from sissi.config import PseudoLabels

INSIDE = 0.7
"""Smallest share of the area of a box inside of another box to count as a part of it."""


def next_labels(
    initial: Sequence[Boxes], before: Sequence[Boxes], pseudo: Sequence[Boxes], settings: PseudoLabels
) -> tuple[list[Boxes], list[int]]:
    """Labels of the next epoch, and the indices of the images on which it is trained.

    Boxes, scores and classes of an image change together, so an image can gain and lose cells.

    Args:
        initial: weak labels of each image.
        before: labels of the last epoch.
        pseudo: pseudo labels of each image.
        settings: settings `merge`, `wbf_iou` and `on_empty`.
    """
    keeps = settings.on_empty == "keep"
    merge = {"replace": _replace, "add": _add, "split": _split, "refine": _refine}[settings.merge]
    merged = [merge(weak, new, settings.wbf_iou) for weak, new in zip(initial, pseudo, strict=True)]
    labels = [new if len(new) or not keeps else old for old, new in zip(before, merged, strict=True)]
    return labels, trained_indices(merged, settings)


def trained_indices(labels: Sequence[Boxes], settings: PseudoLabels) -> list[int]:
    """Indices of the images for training: all, but with `on_empty: drop` only images with labels.

    If no image has a label, all images are used.
    """
    labelled = [index for index, boxes in enumerate(labels) if len(boxes) or settings.on_empty != "drop"]
    return labelled or list(range(len(labels)))


def confirmed(initial: Sequence[Boxes], predicted: Sequence[Boxes], settings: PseudoLabels) -> Sequence[Boxes]:
    """Initial labels that a predicted box with a score of at least `settings.confirm` overlaps; by default, all.

    A network that has not yet memorised the noise of its labels (3.2) gives false labels a score close to 0.

    Args:
        initial: weak labels of each image.
        predicted: boxes of each image, including those below the score of a pseudo label.
        settings: settings `confirm` and `wbf_iou`.
    """
    lowest = settings.confirm
    if lowest is None:
        return initial
    return [
        weak.take(iou(weak, boxes.take(boxes.scores >= lowest)).max(axis=1, initial=0) > settings.wbf_iou)
        for weak, boxes in zip(initial, predicted, strict=True)
    ]


def _replace(weak: Boxes, pseudo: Boxes, overlap: float) -> Boxes:
    """Pseudo labels only, as in the paper."""
    return pseudo


def _add(weak: Boxes, pseudo: Boxes, overlap: float) -> Boxes:
    """Initial labels with their classes, and the pseudo labels that overlap none of them."""
    new = pseudo.take(iou(pseudo, weak).max(axis=1, initial=0) <= overlap)
    return concatenate([weak, new])


def _split(weak: Boxes, pseudo: Boxes, overlap: float) -> Boxes:
    """As `_add`, but an initial label around several cells gives way to the pseudo labels inside of it.

    Cells that touch often have one initial label. A pseudo label that lies alone inside of an initial label is a part
    of that cell, and is not added.
    """
    new = pseudo.take(iou(pseudo, weak).max(axis=1, initial=0) <= overlap)
    inside = _share_inside(new, weak) >= INSIDE
    several = inside.sum(axis=0) >= 2
    return concatenate([weak.take(~several), new.take(~(inside & ~several).any(axis=1))])


def _share_inside(boxes: Boxes, others: Boxes) -> npt.NDArray[np.float32]:
    """Share of the area of each box that lies inside of each other box, shape (N, M)."""
    first = np.maximum(boxes.xyxy[:, None, :2], others.xyxy[None, :, :2])
    last = np.minimum(boxes.xyxy[:, None, 2:], others.xyxy[None, :, 2:])
    common = np.prod(np.maximum(last - first, 0), axis=2)
    return np.asarray(common / boxes.areas[:, None], np.float32)


def _refine(weak: Boxes, pseudo: Boxes, overlap: float) -> Boxes:
    """Pseudo labels with their classes; those that match an initial label are averaged with it, weighted by scores."""
    partner = match(pseudo, weak, overlap)
    paired = partner >= 0
    pseudo_weight, weak_weight = pseudo.scores[paired, None], weak.scores[partner[paired], None]
    xyxy = pseudo.xyxy.copy()
    weighted = pseudo_weight * pseudo.xyxy[paired] + weak_weight * weak.xyxy[partner[paired]]
    xyxy[paired] = weighted / (pseudo_weight + weak_weight)
    return make_boxes(xyxy, pseudo.scores, pseudo.labels)
