"""How good labels are against careful ones: precision, recall, and exactness of the boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, match
from sissi.boxes import iou as overlap


@dataclass(frozen=True)
class LabelQuality:
    """How good a set of labels is, at IoU 0.5.

    Attributes:
        precision: fraction of labels that match a true box; nan without labels.
        recall: fraction of true boxes that a label matches; nan without true boxes.
        labels: how many there are.
        cells: how many true boxes there are.
        mean_iou: of the labels that match, with their true boxes; nan if none does.
        size: median of the areas of the labels that match over those of their true boxes; nan if none does.
    """

    precision: float
    recall: float
    labels: int
    cells: int
    mean_iou: float
    size: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; nan without labels and true boxes."""
        both = self.labels + self.cells
        hits = self.precision * self.labels if self.labels else 0.0
        return 2 * hits / both if both else float("nan")


def label_quality(labels: Sequence[Boxes], truth: Sequence[Boxes | None], iou: float = 0.5) -> LabelQuality:
    """Precision and recall of labels, over the images that have a truth."""
    covered = [(mine, true) for mine, true in zip(labels, truth, strict=True) if true is not None]
    exact = np.concatenate([np.zeros((0, 2)), *(_exactness(mine, true, iou) for mine, true in covered)])
    given = sum(len(mine) for mine, _ in covered)
    wanted = sum(len(true) for _, true in covered)
    return LabelQuality(
        precision=len(exact) / given if given else float("nan"),
        recall=len(exact) / wanted if wanted else float("nan"),
        labels=given,
        cells=wanted,
        mean_iou=float(exact[:, 0].mean()) if len(exact) else float("nan"),
        size=float(np.median(exact[:, 1])) if len(exact) else float("nan"),
    )


def _exactness(labels: Boxes, truth: Boxes, iou: float) -> npt.NDArray[np.float64]:
    """(N, 2): of each label that matches a true box its IoU with that box, and its area over that of the box."""
    found = np.asarray(match(labels, truth, iou), np.int64)
    right, true = np.flatnonzero(found >= 0), found[found >= 0]
    return np.column_stack((overlap(labels, truth)[right, true], labels.areas[right] / truth.areas[true]))
