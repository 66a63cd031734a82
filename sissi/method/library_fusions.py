"""Fusions of the boxes of several views by the package ensemble_boxes itself, each called as `box_fusion` is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ensemble_boxes
import numpy as np
import numpy.typing as npt

from sissi.boxes import iou, make_boxes

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Fused = tuple[Floats, Floats, Labels]
"""Boxes (M, 4) as fractions of the image sides, their scores (M,) from high to low, and their labels (M,)."""
Fusion = Callable[
    [Sequence[npt.ArrayLike], Sequence[npt.ArrayLike], Sequence[npt.ArrayLike], float, float],
    Fused,
]
"""Function of the boxes, scores and labels of each view, an IoU threshold and the lowest score that is used.

Boxes have the shape (N, 4): left, top, right, bottom as fractions of the image sides, with an area. Boxes with a score
of 0 are not used. A function raises ValueError if the numbers of boxes, scores and labels of a view differ.
"""
SIGMA = 0.5
"""Width of the Gaussian of Soft-NMS, the default of ensemble_boxes."""


def library_weighted_boxes_fusion(
    boxes: Sequence[npt.ArrayLike],
    scores: Sequence[npt.ArrayLike],
    labels: Sequence[npt.ArrayLike],
    iou_threshold: float,
    lowest_score: float,
) -> Fused:
    """Weighted boxes fusion (Solovyev et al. 2021): the result of `box_fusion`, in Python."""
    used = _used(boxes, scores, labels, lowest_score)
    return _fused(ensemble_boxes.weighted_boxes_fusion, used, iou_thr=iou_threshold)


def non_maximum_weighted(
    boxes: Sequence[npt.ArrayLike],
    scores: Sequence[npt.ArrayLike],
    labels: Sequence[npt.ArrayLike],
    iou_threshold: float,
    lowest_score: float,
) -> Fused:
    """Non-maximum weighted (Zhou et al. 2017): the mean of the boxes that overlap the box with the highest score.

    The weights are scores times IoUs with that box. The result has its score, even if only few views contain it.
    """
    used = _used(boxes, scores, labels, lowest_score)
    return _fused(ensemble_boxes.non_maximum_weighted, used, iou_thr=iou_threshold)


def soft_nms(
    boxes: Sequence[npt.ArrayLike],
    scores: Sequence[npt.ArrayLike],
    labels: Sequence[npt.ArrayLike],
    iou_threshold: float,
    lowest_score: float,
) -> Fused:
    """Soft-NMS with a Gaussian (Bodla et al. 2017): all boxes, unchanged, with lowered scores.

    In the order of scores, each box multiplies the scores of the later boxes of its class by exp(-IoU² / sigma). There
    is no IoU threshold. The library returns the boxes in this order, but with their first scores, so that repetitions
    of a cell would be as certain as the cell; therefore the factors are computed here once more.
    """
    used = _used(boxes, scores, labels, lowest_score)
    xyxy, first, classes = _fused(ensemble_boxes.soft_nms, used, iou_thr=iou_threshold, sigma=SIGMA, thresh=-1)
    chosen = make_boxes(xyxy)
    factors = np.exp(-(iou(chosen, chosen).astype(np.float64) ** 2) / SIGMA)
    earlier = np.tri(len(first), k=-1, dtype=bool) & (classes[:, None] == classes)
    lowered = first * factors.prod(axis=1, where=earlier)
    order = np.argsort(-lowered, kind="stable")
    return xyxy[order], lowered[order], classes[order]


LIBRARY_FUSIONS: Mapping[str, Fusion] = {
    "weighted_boxes_fusion": library_weighted_boxes_fusion,
    "soft_nms": soft_nms,
    "non_maximum_weighted": non_maximum_weighted,
}
"""Functions by their names in `pseudo_labels.fusion` and in ensemble_boxes."""


def _used(
    boxes: Sequence[npt.ArrayLike],
    scores: Sequence[npt.ArrayLike],
    labels: Sequence[npt.ArrayLike],
    lowest_score: float,
) -> list[tuple[Floats, Floats, Labels]]:
    """Boxes, scores and labels of each view that take part.

    Raises:
        ValueError: their numbers differ; the library would end the process.
    """
    views = []
    for view in zip(boxes, scores, labels, strict=True):
        xyxy, score, label = np.asarray(view[0]).reshape(-1, 4), np.asarray(view[1]), np.asarray(view[2])
        if not len(xyxy) == len(score) == len(label):
            raise ValueError(f"{len(xyxy)} boxes, {len(score)} scores and {len(label)} labels of one view")
        used = (score >= lowest_score) & (score > 0)  # the library divides by the sum of scores
        views.append((xyxy[used].astype(np.float64), score[used].astype(np.float64), label[used].astype(np.int64)))
    return views


def _fused(function: Callable[..., Any], views: list[tuple[Floats, Floats, Labels]], **settings: float) -> Fused:
    """Result of a function of ensemble_boxes, some of which do not accept that there is no box."""
    if not any(len(scores) for _, scores, _ in views):
        return np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64)
    xyxy, scores, labels = function(*zip(*views, strict=True), **settings)
    return np.asarray(xyxy, np.float64), np.asarray(scores, np.float64), np.asarray(labels, np.int64)
