"""Weighted boxes fusion (Solovyev et al. 2021; equation 1), compiled: what a loop in Python takes half a second for."""

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
    """Fuse the boxes that several views, or models, give for one image.

    Boxes are taken in the order of their scores. Each joins the cluster of its class whose fused box it overlaps most,
    if that IoU exceeds the threshold, or starts a cluster. A fused box is the mean of its T boxes weighted by their
    scores; its score is their mean times min(T, views) / views.

    It computes what `ensemble_boxes.weighted_boxes_fusion` computes with its defaults, in the same order and precision.

    Args:
        boxes: (N, 4) of each view, left, top, right, bottom as fractions of the image's sides. They are cut to [0, 1];
            what has no area left is dropped.
        scores: (N,) of each view, in [0, 1].
        labels: (N,) of each view; boxes of different classes are never fused.
        iou_threshold: boxes that overlap more are one cluster.
        lowest_score: boxes below take no part.

    Returns:
        Fused boxes (M, 4), their scores (M,) from high to low, and their labels (M,).
    """
    xyxy, score, label = _usable(boxes, scores, labels, lowest_score)
    found = []
    for one in dict.fromkeys(label.tolist()):
        order = np.argsort(score[label == one])[::-1]
        chosen = np.flatnonzero(label == one)[order]
        fused, confidence = _fuse(xyxy[chosen], score[chosen], iou_threshold, len(boxes))
        found.append((fused, confidence, np.full(len(fused), one)))
    if not found:
        return np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64)
    fused, confidence, classes = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(confidence)[::-1]
    return fused[order], confidence[order], classes[order]


def _usable(
    boxes: Sequence[npt.ArrayLike],
    scores: Sequence[npt.ArrayLike],
    labels: Sequence[npt.ArrayLike],
    lowest_score: float,
) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """All views in one list: boxes upright and inside the image, with an area and a sufficient score."""
    xyxy = np.concatenate([np.asarray(one, np.float64).reshape(-1, 4) for one in boxes] or [np.zeros((0, 4))])
    score = np.concatenate([np.asarray(one).reshape(-1) for one in scores] or [np.zeros(0)])
    label = np.concatenate([np.asarray(one, np.int64).reshape(-1) for one in labels] or [np.zeros(0, np.int64)])
    corners = np.sort(xyxy.reshape(-1, 2, 2), axis=1).clip(0, 1)
    used = (np.prod(corners[:, 1] - corners[:, 0], axis=1) > 0) & (score >= lowest_score)
    return corners.reshape(-1, 4)[used], score[used].astype(np.float64), label[used]


@numba.njit
def _most_overlapping(fused, box, iou_threshold):  # type: ignore[no-untyped-def]
    """The index of the fused box that a box overlaps most, or one behind the last if no IoU exceeds the threshold."""
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
    """Clusters of one class: boxes (N, 4) and scores (N,) from high to low become fused boxes (M, 4) and scores (M,).

    Sums are rounded to float32 after every box, as in the library: a threshold must fall on the same side.
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
