"""Quality of labels against careful labels: precision, recall, and accuracy of the boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, match
from sissi.boxes import iou as overlap


@dataclass(frozen=True)
class LabelQuality:
    """Quality of a set of labels at IoU 0.5.

    Attributes:
        precision: fraction of labels that match a true box; NaN without labels.
        recall: fraction of true boxes that a label matches; NaN without true boxes.
        labels: number of labels.
        cells: number of true boxes.
        mean_iou: mean IoU of matched labels and their true boxes; NaN without matches.
        size: median of the area ratio of matched labels and their true boxes; NaN without matches.
    """

    precision: float
    recall: float
    labels: int
    cells: int
    mean_iou: float
    size: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN without labels and true boxes."""
        both = self.labels + self.cells
        hits = self.precision * self.labels if self.labels else 0.0
        return 2 * hits / both if both else float("nan")


def label_quality(labels: Sequence[Boxes], truth: Sequence[Boxes | None], iou: float = 0.5) -> LabelQuality:
    """Quality of labels over the images that have a truth.

    Args:
        labels: labels, one record per image.
        truth: true boxes in the same order; None for an image without a truth.
        iou: lowest IoU of a match.
    """
    covered = [(mine, true) for mine, true in zip(labels, truth, strict=True) if true is not None]
    accuracy = np.concatenate([np.zeros((0, 2)), *(_box_accuracy(mine, true, iou) for mine, true in covered)])
    boxes = sum(len(mine) for mine, _ in covered)
    cells = sum(len(true) for _, true in covered)
    return LabelQuality(
        precision=len(accuracy) / boxes if boxes else float("nan"),
        recall=len(accuracy) / cells if cells else float("nan"),
        labels=boxes,
        cells=cells,
        mean_iou=float(accuracy[:, 0].mean()) if len(accuracy) else float("nan"),
        size=float(np.median(accuracy[:, 1])) if len(accuracy) else float("nan"),
    )


def _box_accuracy(labels: Boxes, truth: Boxes, iou: float) -> npt.NDArray[np.float64]:
    """IoU and area ratio of each matched label and its true box, shape (N, 2), float64."""
    indices = np.asarray(match(labels, truth, iou), np.int64)
    matched, true = np.flatnonzero(indices >= 0), indices[indices >= 0]
    return np.column_stack((overlap(labels, truth)[matched, true], labels.areas[matched] / truth.areas[true]))
