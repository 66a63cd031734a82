"""The metrics of a data set against pycocotools, which they must equal."""

from __future__ import annotations

import numpy as np

from benchmarks.row import Row, compare
from benchmarks.subjects import crowded, detections
from sissi.evaluation.metrics import coco_metrics
from sissi.evaluation.pycocotools_metrics import pycocotools_metrics

IMAGES, CELLS, DETECTIONS = 224, 100, 200


def measure() -> list[Row]:
    """All metrics of as many images as the paper trains on."""
    random = np.random.default_rng(0)
    truth = [crowded(random, CELLS) for _ in range(IMAGES)]
    predicted = [detections(random, boxes, DETECTIONS) for boxes in truth]
    return [
        compare(
            lambda: coco_metrics(predicted, truth, 300),
            lambda: pycocotools_metrics(predicted, truth, 300),
            repeats=3,
            what=f"COCO metrics of {IMAGES} images x {CELLS} cells x {DETECTIONS} detections",
            against="pycocotools, from the same arrays, over one range of areas as ours",
            goal=0.1,
            limited_by="matching: detections x cells x 10 thresholds",
            warm_up=False,
        )
    ]
