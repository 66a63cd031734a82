"""COCO detection metrics of predicted boxes against one reader, and precision and recall of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from sissi.boxes import Boxes
from sissi.evaluation.coco_curves import IOUS, curves

COCO_LIMIT = 100
"""Detections an image that COCO's own AP and AR look at."""


@dataclass(frozen=True)
class CocoMetrics:
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


METRICS = tuple(field.name for field in fields(CocoMetrics))
TABLE_METRICS = METRICS[:4]
"""The columns of table 1 for each reader."""


def coco_metrics(predicted: Sequence[Boxes], truth: Sequence[Boxes], max_detections: int) -> CocoMetrics:
    """The metrics of predictions for a list of images, to the last bit those of pycocotools.

    Args:
        predicted: boxes with scores, an entry an image.
        truth: one reader's boxes, in the same order.
        max_detections: limit of `AR_dense`, at least 100.
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
    """AP50 alone, as `coco_metrics` gives it; 0 where there is no true box."""
    precision, _ = curves(predicted, truth, [COCO_LIMIT], IOUS[:1])
    return float(np.nan_to_num(precision.mean()))
