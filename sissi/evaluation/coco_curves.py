"""COCO's precision and recall of cells, whatever their classes, computed from arrays by compiled code.

Order, ties and rounding are those of `pycocotools.cocoeval.COCOeval`; the tests compare the results bit by bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes
from sissi.runtime.compiled import compiled

Floats = npt.NDArray[np.float64]
IOUS: Floats = np.linspace(0.5, 0.95, 10)
"""COCO's ten IoU thresholds."""
_RECALL_LEVELS = np.linspace(0, 1, 101)


def curves(
    predicted: Sequence[Boxes], truth: Sequence[Boxes], limits: Sequence[int], ious: Floats = IOUS
) -> tuple[Floats, Floats]:
    """Interpolated precision and highest recall over a list of images.

    Args:
        predicted: boxes with scores, one record per image.
        truth: true boxes, in the same order.
        limits: numbers of detections per image that count, those with the highest scores.
        ious: lowest IoUs of a match, shape (I,).

    Returns:
        Precision at 101 levels of recall, shape (limits, I, 101), and recall, shape (limits, I); NaN if there is no
        true box.

    Raises:
        ValueError: the numbers of images differ.
    """
    images = match_images(predicted, truth, max(limits), ious)
    cells = sum(map(len, truth))
    pairs = [
        _curve([hits[:, :most] for _, hits in images], [scores[:most] for scores, _ in images], cells)
        for most in limits
    ]
    precision, recall = zip(*pairs, strict=True)
    return np.stack(precision), np.stack(recall)


def match_images(
    predicted: Sequence[Boxes], truth: Sequence[Boxes], limit: int, ious: Floats = IOUS
) -> list[tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]]:
    """COCO's matching of each image, without accumulation over images.

    Args:
        predicted: boxes with scores, one record per image.
        truth: true boxes, in the same order.
        limit: number of detections per image that count, those with the highest scores.
        ious: lowest IoUs of a match, shape (I,).

    Returns:
        Scores (D,) of the counted detections of each image, highest first, and whether each matches a true box at each
        threshold, shape (I, D), bool.

    Raises:
        ValueError: the numbers of images differ.
    """
    if len(predicted) != len(truth):
        raise ValueError(f"predictions for {len(predicted)} images, truth for {len(truth)}")
    ranked = [boxes.take(np.argsort(-boxes.scores, kind="stable")[:limit]) for boxes in predicted]
    return [
        (mine.scores, _match(_corner_and_size(mine), _corner_and_size(cells), ious))
        for mine, cells in zip(ranked, truth, strict=True)
    ]


def _corner_and_size(boxes: Boxes) -> Floats:
    """Left, top, width and height, shape (N, 4), float64: the form in which COCO computes IoUs."""
    xyxy = boxes.xyxy.astype(np.float64)
    return np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)


def _curve(
    hits_of_images: Sequence[npt.NDArray[np.bool_]], scores: Sequence[npt.NDArray[np.float32]], cells: int
) -> tuple[Floats, Floats]:
    """Precision, shape (I, 101), and recall, shape (I,), of the detections of all images together."""
    hits = np.concatenate(hits_of_images, axis=1)[:, np.argsort(-np.concatenate(scores), kind="stable")]
    if not cells:
        return np.full((len(hits), len(_RECALL_LEVELS)), np.nan), np.full(len(hits), np.nan)
    true, false = np.cumsum(hits, axis=1, dtype=float), np.cumsum(~hits, axis=1, dtype=float)
    recall = true / cells
    precision = true / (false + true + np.spacing(1))
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    ended = np.zeros((len(hits), 1))  # precision beyond the highest recall, and recall without detections
    reached = [np.searchsorted(row, _RECALL_LEVELS) for row in recall]
    interpolated = np.take_along_axis(np.hstack([envelope, ended]), np.stack(reached), axis=1)
    return interpolated, np.hstack([ended, recall])[:, -1]


@numba.njit
def _overlaps(detections, cells):  # type: ignore[no-untyped-def]
    """Intersection over union of each pair, shape (D, C)."""
    overlaps = np.zeros((len(detections), len(cells)))
    for row in range(len(detections)):
        one = detections[row]
        for column in range(len(cells)):
            other = cells[column]
            width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
            height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
            if width > 0 and height > 0:
                shared = width * height
                overlaps[row, column] = shared / (one[2] * one[3] + other[2] * other[3] - shared)
    return overlaps


@compiled("b1[:,::1](f8[:,::1], f8[:,::1], f8[::1])")
def _match(detections, cells, thresholds):  # type: ignore[no-untyped-def]
    """Whether each detection matches a cell at each IoU threshold, shape (I, D), bool.

    In the order of their scores, detections (D, 4) are matched with the unmatched cell (C, 4) of the largest IoU; of
    equal IoUs, the last one is taken.
    """
    overlaps = _overlaps(detections, cells)
    found = np.zeros((len(thresholds), len(detections)), np.bool_)
    for level in range(len(thresholds)):
        taken = np.zeros(len(cells), np.bool_)
        for detection in range(len(detections)):
            best, best_iou = -1, min(thresholds[level], 1 - 1e-10)
            for cell in range(len(cells)):
                if not taken[cell] and overlaps[detection, cell] >= best_iou:
                    best, best_iou = cell, overlaps[detection, cell]
            if best >= 0:
                taken[best] = found[level, detection] = True
    return found
