"""COCO detection metrics of predicted boxes against one reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from sissi.boxes import Boxes
from sissi.evaluation.coco_curves import IOUS, curves

COCO_LIMIT = 100
"""Number of detections per image that count in COCO's own AP and AR."""


@dataclass(frozen=True)
class CocoMetrics:
    """COCO's summary of a set of images; fractions in [0, 1], NaN if there is no true box.

    Attributes:
        AP50: average precision at IoU 0.5, with 100 detections per image.
        AP75: average precision at IoU 0.75, with 100 detections per image.
        AP: mean of the average precision over IoU 0.5, 0.55, ..., 0.95.
        AR: average recall over the same IoUs, with 100 detections per image.
        AR_dense: AR with a limit above the number of cells in an image (`Evaluation.max_detections`).
    """

    AP50: float
    AP75: float
    AP: float
    AR: float
    AR_dense: float

    def as_dict(self) -> dict[str, float]:
        """Metric values by name."""
        return asdict(self)


METRICS = tuple(field.name for field in fields(CocoMetrics))
TABLE_METRICS = METRICS[:4]
"""Columns of table 1 for each reader."""


def coco_metrics(predicted: Sequence[Boxes], truth: Sequence[Boxes], max_detections: int) -> CocoMetrics:
    """Metrics of predictions for a list of images, bitwise equal to those of pycocotools.

    Args:
        predicted: boxes with scores, one record per image.
        truth: boxes of one reader, in the same order.
        max_detections: number of detections per image for `AR_dense`, at least 100.
    """
    precision, recall = curves(predicted, truth, [COCO_LIMIT, max_detections])
    return CocoMetrics(
        AP50=float(precision[0, np.isclose(IOUS, 0.5)].mean()),
        AP75=float(precision[0, np.isclose(IOUS, 0.75)].mean()),
        AP=float(precision[0].mean()),
        AR=float(recall[0].mean()),
        AR_dense=float(recall[1].mean()),
    )


def ap50(predicted: Sequence[Boxes], truth: Sequence[Boxes]) -> float:
    """AP50 as in `coco_metrics`, but 0 if there is no true box."""
    precision, _ = curves(predicted, truth, [COCO_LIMIT], IOUS[:1])
    return float(np.nan_to_num(precision.mean()))


def of_class(images: Sequence[Boxes], label: int) -> list[Boxes]:
    """The boxes of one class in each image."""
    return [boxes.take(boxes.labels == label) for boxes in images]


def class_ap50(predicted: Sequence[Boxes], truth: Sequence[Boxes], classes: int) -> list[float]:
    """AP50 of each class, as `ap50`; of a class without a true box NaN."""
    by_class = [(of_class(predicted, label), of_class(truth, label)) for label in range(1, classes + 1)]
    return [ap50(mine, true) if any(map(len, true)) else float("nan") for mine, true in by_class]
