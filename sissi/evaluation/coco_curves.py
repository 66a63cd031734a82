"""COCO's precision and recall of one class, as pycocotools computes them, from arrays and compiled.

Same order, same ties, same rounding: `pycocotools.cocoeval.COCOeval` is the measure in the tests, to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
import numpy.typing as npt

from sissi.boxes import CELL, Boxes
from sissi.runtime.compiled import compiled

Floats = npt.NDArray[np.float64]
IOUS: Floats = np.linspace(0.5, 0.95, 10)
"""COCO's ten thresholds."""
_RECALL_LEVELS = np.linspace(0, 1, 101)


def curves(
    predicted: Sequence[Boxes], truth: Sequence[Boxes], limits: Sequence[int], ious: Floats = IOUS
) -> tuple[Floats, Floats]:
    """Interpolated precision and highest recall over a list of images.

    Args:
        predicted: boxes with scores, an entry an image.
        truth: the true boxes, in the same order.
        limits: detections an image that count, those with the highest scores.
        ious: thresholds (I,) from which on a detection finds a cell.

    Returns:
        Precision at 101 levels of recall, (limits, I, 101), and recall, (limits, I); nan where there is no true box.
    """
    images = match_images(predicted, truth, max(limits), ious)
    cells = sum(len(_cells(boxes)) for boxes in truth)
    pairs = [
        _curve([hits[:, :most] for _, hits in images], [scores[:most] for scores, _ in images], cells)
        for most in limits
    ]
    precision, recall = zip(*pairs, strict=True)
    return np.stack(precision), np.stack(recall)


def match_images(
    predicted: Sequence[Boxes], truth: Sequence[Boxes], limit: int, ious: Floats = IOUS
) -> list[tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]]:
    """COCO's matching of each image by itself, for those who accumulate over images on their own.

    Returns:
        For each image the scores (D,) of its `limit` best detections, best first, and whether each finds a cell at
        each threshold (I, D).
    """
    if len(predicted) != len(truth):
        raise ValueError(f"predictions for {len(predicted)} images, truth for {len(truth)}")
    ranked = [_cells(boxes) for boxes in predicted]
    ranked = [boxes.take(np.argsort(-boxes.scores, kind="stable")[:limit]) for boxes in ranked]
    return [
        (mine.scores, _match(_corner_and_size(mine), _corner_and_size(_cells(cells)), ious))
        for mine, cells in zip(ranked, truth, strict=True)
    ]


def _cells(boxes: Boxes) -> Boxes:
    return boxes.take(boxes.labels == CELL)


def _corner_and_size(boxes: Boxes) -> Floats:
    """(N, 4) left, top, width, height: the form in which COCO overlaps boxes."""
    xyxy = boxes.xyxy.astype(np.float64)
    return np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)


def _curve(
    found: Sequence[npt.NDArray[np.bool_]], scores: Sequence[npt.NDArray[np.float32]], cells: int
) -> tuple[Floats, Floats]:
    """Precision (I, 101) and recall (I,) of the detections of all images together."""
    hits = np.concatenate(found, axis=1)[:, np.argsort(-np.concatenate(scores), kind="stable")]
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
    """Intersection over union of each pair, (D, C)."""
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
    """Which detections find a cell at each IoU threshold: (I, D) bool.

    Detections (D, 4) from the highest score on each take the free cell (C, 4) that they overlap most; of equals the
    last.
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
