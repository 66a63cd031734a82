"""What it costs that pycocotools scores the final table: processor time for each reader of a variant."""

from __future__ import annotations

import statistics
import time

import numpy as np

from benchmarks.row import Figure
from benchmarks.subjects import crowded, detections
from sissi.evaluation.pycocotools_metrics import pycocotools_metrics

SIZES = ((45, 25, 50), (60, 80, 140))
"""Images, cells of an image and detections in an image: those of the demo, and crowded ones."""
REPEATS = 3


def measure() -> list[Figure]:
    """Name, seconds and unit for each size."""
    return [
        (f"pycocotools: {images} images x {cells} cells x {found} detections", seconds(images, cells, found), "s")
        for images, cells, found in SIZES
    ]


def seconds(images: int, cells: int, found: int) -> float:
    """Processor time of all metrics, median of the repeats."""
    random = np.random.default_rng(0)
    truth = [crowded(random, cells) for _ in range(images)]
    predicted = [detections(random, boxes, found) for boxes in truth]
    times = []
    for _ in range(REPEATS):
        begun = time.process_time()
        pycocotools_metrics(predicted, truth, 300)
        times.append(time.process_time() - begun)
    return statistics.median(times)
