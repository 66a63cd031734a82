"""Confusion matrix of the classes of cells, with missed and false ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, match

Counts = npt.NDArray[np.int64]


def confusion(predicted: Sequence[Boxes], truth: Sequence[Boxes | None], classes: int, iou: float = 0.5) -> Counts:
    """How often cells of each class are found as which class.

    Boxes are matched by COCO's rule whatever their classes.

    Args:
        predicted: boxes that count as found, one record per image.
        truth: true boxes in the same order; None for an image without a truth.
        classes: number of classes.
        iou: lowest IoU of a match.

    Returns:
        Number of cells by true class (rows) and found class (columns), shape (classes + 1, classes + 1), int64. The
        last column is missed cells, the last row false ones; the last of both is 0.
    """
    counts = np.zeros((classes + 1, classes + 1), np.int64)
    for mine, true in zip(predicted, truth, strict=True):
        if true is None:
            continue
        matched = match(mine, true, iou)
        of_truth = np.where(matched >= 0, np.append(true.labels, classes + 1)[matched], classes + 1)
        np.add.at(counts, (of_truth - 1, mine.labels - 1), 1)
        missed = np.setdiff1d(np.arange(len(true)), matched)
        np.add.at(counts, (true.labels[missed] - 1, np.full(len(missed), classes)), 1)
    return counts


def class_accuracy(counts: Counts) -> float:
    """Share of the found cells whose class is right; NaN if none is found."""
    found = counts[:-1, :-1]
    return float(np.trace(found) / found.sum()) if found.sum() else float("nan")
