"""COCO metrics by pycocotools itself, for the final table; `sissi.evaluation.metrics` has the same by compiled code."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Sequence

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from sissi.boxes import Boxes, make_boxes
from sissi.evaluation.metrics import COCO_LIMIT, CocoMetrics

AP, AP50, AP75, AR = 0, 1, 2, 8
"""Indices of `COCOeval.stats`; the last three are those with the third of the limits of detections per image."""


def pycocotools_metrics(
    predicted: Sequence[Boxes], truth: Sequence[Boxes], max_detections: int, classes: int | None = None
) -> CocoMetrics:
    """Metrics of predictions for a list of images, as `COCOeval.summarize` computes them.

    Args:
        predicted: boxes with scores, one record per image.
        truth: boxes of one reader, in the same order.
        max_detections: number of detections per image for `AR_dense`, at least 100.
        classes: number of classes, of which each metric is the mean over those with a true box (COCO's mAP); None: a
            cell is a cell, whatever its class.

    Raises:
        ValueError: the numbers of images differ.
    """
    if len(predicted) != len(truth):
        raise ValueError(f"predictions for {len(predicted)} images, truth for {len(truth)}")
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress and its table
        evaluation = COCOeval(_dataset(truth, classes), _dataset(predicted, classes), "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]  # only boxes of all sizes
        evaluation.params.maxDets = sorted({1, 10, COCO_LIMIT, max_detections})
        evaluation.evaluate()
        stats = _stats(evaluation)
        evaluation.params.maxDets = [1, 10, max_detections]
        dense = _stats(evaluation)
    return CocoMetrics(AP50=stats[AP50], AP75=stats[AP75], AP=stats[AP], AR=stats[AR], AR_dense=dense[AR])


def _dataset(images: Sequence[Boxes], classes: int | None) -> COCO:
    """Cells of a list of images, with their scores, as pycocotools stores annotations and detections alike."""
    named = images if classes else [make_boxes(boxes.xyxy, boxes.scores) for boxes in images]
    cells = [(image, one) for image, boxes in enumerate(named) for one in _annotations(boxes)]
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image} for image in range(len(images))],
        "categories": [{"id": number} for number in range(1, (classes or 1) + 1)],
        # to COCOeval, the id 0 means "not matched"
        "annotations": [one | {"id": number, "image_id": image} for number, (image, one) in enumerate(cells, start=1)],
    }
    coco.createIndex()
    return coco


def _annotations(boxes: Boxes) -> list[dict[str, object]]:
    return [
        {
            "category_id": label,
            "bbox": [left, top, right - left, bottom - top],
            "area": (right - left) * (bottom - top),
            "iscrowd": 0,
            "score": score,
        }
        for (left, top, right, bottom), score, label in zip(
            boxes.xyxy.astype(np.float64).tolist(), boxes.scores.tolist(), boxes.labels.tolist(), strict=True
        )
    ]


def _stats(evaluation: COCOeval) -> list[float]:
    """`COCOeval.stats` with the limits of `params.maxDets`; NaN instead of -1 if there is no true box."""
    evaluation.accumulate()
    evaluation.summarize()
    return [math.nan if value == -1 else float(value) for value in evaluation.stats]
