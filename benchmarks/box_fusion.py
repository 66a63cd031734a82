"""Weighted boxes fusion against the library that it must equal."""

from __future__ import annotations

import ensemble_boxes
import numpy as np

from benchmarks.row import Row, compare
from benchmarks.subjects import crowded, detections
from sissi.method.box_fusion import weighted_boxes_fusion

VIEWS, BOXES = 20, 200


def measure() -> list[Row]:
    """Ours and the library's on the boxes of one image."""
    random = np.random.default_rng(0)
    truth = crowded(random, BOXES)
    views = [detections(random, truth, BOXES) for _ in range(VIEWS)]
    boxes = [view.xyxy.clip(0) / [640, 480, 640, 480] for view in views]
    scores, labels = [view.scores for view in views], [view.labels for view in views]
    return [
        compare(
            lambda: weighted_boxes_fusion(boxes, scores, labels, 0.5, 0.05),
            lambda: ensemble_boxes.weighted_boxes_fusion(boxes, scores, labels, iou_thr=0.5, skip_box_thr=0.05),
            repeats=9,
            what=f"weighted boxes fusion of {VIEWS} x {BOXES} boxes",
            against="`ensemble_boxes.weighted_boxes_fusion`",
            goal=0.02,
            limited_by="each box is compared with every fused box",
        )
    ]
