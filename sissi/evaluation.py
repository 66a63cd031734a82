"""COCO detection metrics of predicted boxes against one reader, and precision and recall of labels."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from sissi.boxes import CELL, Boxes, match

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
    """

    precision: float
    recall: float
    labels: int


def coco_metrics(predicted: Sequence[Boxes], truth: Sequence[Boxes], max_detections: int) -> Metrics:
    """The metrics of predictions for a list of images, by pycocotools.

    Args:
        predicted: boxes with scores, an entry an image.
        truth: one reader's boxes, in the same order.
        max_detections: limit of `AR_dense`, at least 100.
    """
    limits = [1, COCO_LIMIT, max_detections]
    precision, recall, thresholds = _accumulate(predicted, truth, limits)
    at_100, dense = limits.index(COCO_LIMIT), len(limits) - 1

    def average_precision(iou: float | None = None) -> float:
        chosen = precision if iou is None else precision[np.isclose(thresholds, iou)]
        return _mean(chosen[:, :, 0, 0, at_100])

    return Metrics(
        AP50=average_precision(0.5),
        AP75=average_precision(0.75),
        AP=average_precision(),
        AR=_mean(recall[:, 0, 0, at_100]),
        AR_dense=_mean(recall[:, 0, 0, dense]),
    )


def ap50(predicted: Sequence[Boxes], truth: Sequence[Boxes]) -> float:
    """AP50 alone, as `coco_metrics` gives it; 0 where there is no true box."""
    precision, _, _ = _accumulate(predicted, truth, [COCO_LIMIT], ious=[0.5])
    return float(np.nan_to_num(_mean(precision[:, :, 0, 0, 0])))


def match_images(
    predicted: Sequence[Boxes], truth: Sequence[Boxes], limit: int
) -> tuple[list[tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]], npt.NDArray[np.float64]]:
    """COCO's matching of each image by itself, for those who accumulate it over images on their own.

    Returns:
        For each image the scores (D,) of its `limit` best detections, best first, and whether each finds a true box
        at each IoU threshold (T, D); and the thresholds (T,).
    """
    evaluation = _matched(predicted, truth, [limit])
    count = len(evaluation.params.iouThrs)
    found = [(np.empty(0), np.empty((count, 0), np.bool_)) for _ in truth]
    for one in filter(None, evaluation.evalImgs):  # None: an image without boxes and detections
        found[one["image_id"]] = (np.asarray(one["dtScores"], np.float64), np.asarray(one["dtMatches"]) > 0)
    return found, np.asarray(evaluation.params.iouThrs)


def label_quality(labels: Sequence[Boxes], truth: Sequence[Boxes | None], iou: float = 0.5) -> LabelQuality:
    """Precision and recall of labels, over the images that have a truth."""
    covered = [(mine, true) for mine, true in zip(labels, truth, strict=True) if true is not None]
    hits = sum(int((match(mine, true, iou) >= 0).sum()) for mine, true in covered)
    given = sum(len(mine) for mine, _ in covered)
    wanted = sum(len(true) for _, true in covered)
    return LabelQuality(
        precision=hits / given if given else float("nan"),
        recall=hits / wanted if wanted else float("nan"),
        labels=given,
    )


def _accumulate(
    predicted: Sequence[Boxes], truth: Sequence[Boxes], limits: list[int], ious: list[float] | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Precision (IoU, recall level, class, area, limit) and recall (IoU, class, area, limit); -1: undefined."""
    evaluation = _matched(predicted, truth, limits, ious)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.accumulate()
    return evaluation.eval["precision"], evaluation.eval["recall"], evaluation.params.iouThrs


def _matched(
    predicted: Sequence[Boxes], truth: Sequence[Boxes], limits: list[int], ious: list[float] | None = None
) -> COCOeval:
    """Every image matched, nothing accumulated yet."""
    if len(predicted) != len(truth):
        raise ValueError(f"predictions for {len(predicted)} images, truth for {len(truth)}")
    with contextlib.redirect_stdout(io.StringIO()):
        true = _coco(truth)
        evaluation = COCOeval(true, _detections(true, predicted), "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = limits
        if ious is not None:
            evaluation.params.iouThrs = np.array(ious)
        evaluation.evaluate()
    return evaluation


def _coco(truth: Sequence[Boxes]) -> COCO:
    records = [record for image, boxes in enumerate(truth) for record in _records(image, boxes)]
    for number, record in enumerate(records, start=1):  # COCOeval takes 0 for "not matched"
        record |= {"id": number, "iscrowd": 0}
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": image} for image in range(len(truth))],
        "categories": [{"id": CELL, "name": "cell"}],
        "annotations": records,
    }
    coco.createIndex()
    return coco


def _detections(true: COCO, predicted: Sequence[Boxes]) -> COCO:
    records = [record for image, boxes in enumerate(predicted) for record in _records(image, boxes)]
    if records:
        return true.loadRes(records)
    empty = COCO()
    empty.dataset = {**true.dataset, "annotations": []}
    empty.createIndex()
    return empty


def _records(image: int, boxes: Boxes) -> list[dict[str, object]]:
    return [
        {
            "image_id": image,
            "category_id": int(label),
            "bbox": [float(left), float(top), float(right - left), float(bottom - top)],
            "area": float((right - left) * (bottom - top)),
            "score": float(score),
        }
        for (left, top, right, bottom), score, label in zip(
            boxes.xyxy.tolist(), boxes.scores.tolist(), boxes.labels.tolist(), strict=True
        )
    ]


def _mean(values: npt.NDArray[np.float64]) -> float:
    defined = values[values > -1]
    return float(defined.mean()) if defined.size else float("nan")
