"""COCO detection metrics of predicted boxes against one reader, and precision and recall of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, match
from sissi.boxes import iou as overlap
from sissi.evaluation.coco_curves import IOUS, curves

COCO_LIMIT = 100
"""Detections an image that COCO's own AP and AR look at."""


@dataclass(frozen=True)
class Metrics:
    """COCO's summary of a set of images; fractions in [0, 1], nan where there is no true box.

    Attributes:
        AP50: average precision at IoU 0.5, with 100 detections an image.
        AP75: at IoU 0.75.
        AP: mean over IoU 0.5, 0.55, ..., 0.95.
        AR: average recall over the same IoUs, with 100 detections an image.
        AR_dense: AR with a limit above the number of cells in an image (`Evaluation.max_detections`).
    """

    AP50: float
    AP75: float
    AP: float
    AR: float
    AR_dense: float

    def as_dict(self) -> dict[str, float]:
        """Name and value of each."""
        return asdict(self)


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


def coco_metrics(predicted: Sequence[Boxes], truth: Sequence[Boxes], max_detections: int) -> Metrics:
    """The metrics of predictions for a list of images, to the last bit those of pycocotools.

    Args:
        predicted: boxes with scores, an entry an image.
        truth: one reader's boxes, in the same order.
        max_detections: limit of `AR_dense`, at least 100.
    """
    precision, recall = curves(predicted, truth, [COCO_LIMIT, max_detections])
    return Metrics(
        AP50=float(precision[0, np.isclose(IOUS, 0.5)].mean()),
        AP75=float(precision[0, np.isclose(IOUS, 0.75)].mean()),
        AP=float(precision[0].mean()),
        AR=float(recall[0].mean()),
        AR_dense=float(recall[1].mean()),
    )


def ap50(predicted: Sequence[Boxes], truth: Sequence[Boxes]) -> float:
    """AP50 alone, as `coco_metrics` gives it; 0 where there is no true box."""
    precision, _ = curves(predicted, truth, [COCO_LIMIT], IOUS[:1])
    return float(np.nan_to_num(precision.mean()))


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
