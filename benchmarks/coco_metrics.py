"""The metrics of a data set against pycocotools, which they must equal."""

from __future__ import annotations

import contextlib
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from benchmarks.row import Row, compare
from benchmarks.subjects import crowded, detections
from sissi.boxes import Boxes
from sissi.evaluation.metrics import coco_metrics

IMAGES, CELLS, DETECTIONS = 224, 100, 200


def measure() -> list[Row]:
    """All metrics of as many images as the paper trains on."""
    random = np.random.default_rng(0)
    truth = [crowded(random, CELLS) for _ in range(IMAGES)]
    predicted = [detections(random, boxes, DETECTIONS) for boxes in truth]
    return [
        compare(
            lambda: coco_metrics(predicted, truth, 300),
            lambda: _by_pycocotools(predicted, truth),
            repeats=3,
            what=f"COCO metrics of {IMAGES} images x {CELLS} cells x {DETECTIONS} detections",
            against="pycocotools, from the same arrays, over one range of areas as ours",
            goal=0.1,
            limited_by="matching: detections x cells x 10 thresholds",
            warm_up=False,
        )
    ]


def _by_pycocotools(predicted: list[Boxes], truth: list[Boxes]) -> None:
    records = [
        {"image_id": image, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0], "area": 1, "score": score}
        for many in (truth, predicted)
        for image, boxes in enumerate(many)
        for (x0, y0, x1, y1), score in zip(boxes.xyxy.tolist(), boxes.scores.tolist(), strict=True)
    ]
    for number, record in enumerate(records, start=1):
        record |= {"id": number, "iscrowd": 0}
    cells = sum(map(len, truth))
    with contextlib.redirect_stdout(io.StringIO()):
        sides = [_coco(records[:cells], len(truth)), _coco(records[cells:], len(truth))]
        evaluation = COCOeval(*sides, "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [1, 100, 300]
        evaluation.evaluate()
        evaluation.accumulate()


def _coco(records: list[dict[str, object]], images: int) -> COCO:
    coco = COCO()
    coco.dataset = {"images": [{"id": k} for k in range(images)], "categories": [{"id": 1}], "annotations": records}
    coco.createIndex()
    return coco
