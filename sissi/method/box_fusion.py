"""Weighted boxes fusion (Solovyev et al. 2021; equation 1), compiled: a Python loop would take half a second."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
import numpy.typing as npt

from sissi.runtime.compiled import compiled

Floats = npt.NDArray[np.float64]


def weighted_boxes_fusion(
    boxes: Sequence[npt.ArrayLike],
    scores: Sequence[npt.ArrayLike],
    labels: Sequence[npt.ArrayLike],
    iou_threshold: float,
    lowest_score: float,
) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Fuse the boxes of several views, or models, of one image.

    Boxes are processed in the order of their scores. Each box joins the cluster of its class whose fused box it
    overlaps most, if that IoU exceeds the threshold; otherwise it starts a new cluster. A fused box is the mean of its
    T boxes, weighted by their scores. Its score is the mean of their scores times min(T, views) / views.

    The result equals that of `ensemble_boxes.weighted_boxes_fusion` with its defaults, in order and precision.

    Args:
        boxes: boxes of each view, shape (N, 4): left, top, right, bottom as fractions of the image sides. They are
            clipped to [0, 1]; boxes without area are dropped.
        scores: scores of each view, shape (N,), in [0, 1].
        labels: classes of each view, shape (N,); boxes of different classes are never fused.
        iou_threshold: IoU above which a box joins a cluster.
        lowest_score: lowest score of a box that is used.

    Returns:
        Fused boxes (M, 4), their scores (M,) from high to low, and their labels (M,).
    """
    xyxy, score, label = _usable(boxes, scores, labels, lowest_score)
    by_class = []
    for cell_class in dict.fromkeys(label.tolist()):
        order = np.argsort(score[label == cell_class])[::-1]
        chosen = np.flatnonzero(label == cell_class)[order]
        fused, confidence = _fuse(xyxy[chosen], score[chosen], iou_threshold, len(boxes))
        by_class.append((fused, confidence, np.full(len(fused), cell_class)))
    if not by_class:
        return np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64)
    fused, confidence, classes = (np.concatenate(column) for column in zip(*by_class, strict=True))
    order = np.argsort(confidence)[::-1]
    return fused[order], confidence[order], classes[order]


def _usable(
    boxes: Sequence[npt.ArrayLike],
    scores: Sequence[npt.ArrayLike],
    labels: Sequence[npt.ArrayLike],
    lowest_score: float,
) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Boxes, scores and labels of all views: boxes inside the image, with an area and a sufficient score."""
    xyxy = np.concatenate([np.asarray(view, np.float64).reshape(-1, 4) for view in boxes] or [np.zeros((0, 4))])
    score = np.concatenate([np.asarray(view).reshape(-1) for view in scores] or [np.zeros(0)])
    label = np.concatenate([np.asarray(view, np.int64).reshape(-1) for view in labels] or [np.zeros(0, np.int64)])
    corners = np.sort(xyxy.reshape(-1, 2, 2), axis=1).clip(0, 1)
    used = (np.prod(corners[:, 1] - corners[:, 0], axis=1) > 0) & (score >= lowest_score)
    return corners.reshape(-1, 4)[used], score[used].astype(np.float64), label[used]


@numba.njit
def _most_overlapping(fused, box, iou_threshold):  # type: ignore[no-untyped-def]
    """Index of the fused box with the largest IoU, or the number of fused boxes if no IoU exceeds the threshold."""
    best, best_iou = len(fused), iou_threshold
    area = (box[2] - box[0]) * (box[3] - box[1])
    for index in range(len(fused)):
        other = fused[index]
        width = min(other[2], box[2]) - max(other[0], box[0])
        height = min(other[3], box[3]) - max(other[1], box[1])
        shared = max(width, 0.0) * max(height, 0.0)
        overlap = shared / ((other[2] - other[0]) * (other[3] - other[1]) + area - shared)
        if overlap > best_iou:
            best, best_iou = index, overlap
    return best


@compiled("Tuple((f8[:,::1], f8[::1]))(f8[:,::1], f8[::1], f8, i8)")
def _fuse(boxes, scores, iou_threshold, views):  # type: ignore[no-untyped-def]
    """Fuse boxes (N, 4) of one class with scores (N,) from high to low to boxes (M, 4) with scores (M,).

    Sums are rounded to float32 after every box, as in the library, so that comparisons with thresholds agree.
    """
    clusters = 0
    fused, confidence = np.empty_like(boxes), np.empty(len(boxes))
    sums, weight, members = np.zeros(boxes.shape, np.float32), np.zeros(len(boxes)), np.zeros(len(boxes), np.int64)
    for index in range(len(boxes)):
        box, score = boxes[index], scores[index]
        chosen = _most_overlapping(fused[:clusters], box, iou_threshold)
        members[chosen] += 1
        weight[chosen] += score
        for side in range(4):
            sums[chosen, side] += score * box[side]
        if chosen == clusters:
            clusters += 1
            fused[chosen], confidence[chosen] = box, score
        elif weight[chosen] > 0:
            confidence[chosen] = np.float32(weight[chosen] / members[chosen])
            for side in range(4):
                fused[chosen, side] = np.float32(sums[chosen, side] / weight[chosen])
    for cluster in range(clusters):
        confidence[cluster] = confidence[cluster] * min(views, members[cluster]) / views  # rounded as in the library
    return fused[:clusters], confidence[:clusters]
