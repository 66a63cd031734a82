"""COCO metrics of many resamples of the test images, from one matching of each image.

COCO matches detections to truth image by image; only the accumulation over images depends on which images there are.
So the matching is done once, and a resample is a weight for each image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes
from sissi.evaluation.coco_curves import IOUS, match_images
from sissi.evaluation.metrics import COCO_LIMIT

METRICS = ("AP50", "AP75", "AP", "AR")
"""What is computed for each resample, in this order."""
RECALL_LEVELS = np.linspace(0, 1, 101)
"""At which COCO reads the precision."""


@dataclass(frozen=True, eq=False)
class Matches:
    """The detections of a set of images, best score first, and whether each finds a cell.

    Attributes:
        image: (N,) int64, index of the image of each detection.
        hit: (T, N) bool, whether it finds a true box at each of COCO's ten IoU thresholds.
        truth: (images,) int64, number of true boxes of each image.
        ious: (T,) float64, the thresholds.
    """

    image: npt.NDArray[np.int64]
    hit: npt.NDArray[np.bool_]
    truth: npt.NDArray[np.int64]
    ious: npt.NDArray[np.float64]


def matches(predicted: Sequence[Boxes], truth: Sequence[Boxes]) -> Matches:
    """Match the predictions for a list of images with one reader's boxes by COCO's rule, 100 detections an image."""
    images = match_images(predicted, truth, COCO_LIMIT)
    scores = np.concatenate([scores for scores, _ in images])
    order = np.argsort(-scores, kind="stable")  # as COCOeval does: of equal scores the earlier image first
    return Matches(
        image=np.repeat(np.arange(len(images)), [len(scores) for scores, _ in images])[order],
        hit=np.concatenate([hit for _, hit in images], axis=1)[:, order],
        truth=np.array([len(boxes) for boxes in truth], np.int64),
        ious=IOUS,
    )


def image_weights(images: int, resamples: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """How often each image is in each bootstrap resample: (resamples, images), rows sum to `images`."""
    return random.multinomial(images, np.full(images, 1 / images), size=resamples)


def metrics(found: Matches, weights: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """`METRICS` of each resample: (resamples, 4), fractions; nan where a resample has no true box.

    An image of weight k counts like k copies of itself. With weights of 1 the values are those of
    `metrics.coco_metrics`.

    Args:
        found: of a set of images.
        weights: (resamples, images), how often each image is in each resample.
    """
    result = np.full((len(weights), len(METRICS)), np.nan)
    at_50, at_75 = (int(np.argmin(np.abs(found.ious - iou))) for iou in (0.5, 0.75))
    for row, weight in zip(result, weights, strict=True):
        cells = int(weight @ found.truth)
        if cells:
            precision, recall = _accumulate(found, weight[found.image].astype(np.float64), cells)
            row[:] = precision[at_50], precision[at_75], precision.mean(), recall.mean()
    return result


def _accumulate(
    found: Matches, weight: npt.NDArray[np.float64], cells: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Average precision and recall at each IoU threshold: (T,) each. COCOeval.accumulate, with weights."""
    if not weight.size:
        return np.zeros(len(found.ious)), np.zeros(len(found.ious))
    hits = np.cumsum(np.where(found.hit, weight, 0.0), axis=1)
    recall = hits / cells
    precision = hits / np.maximum(np.cumsum(weight), np.finfo(np.float64).tiny)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    average = np.array([_read(*curve) for curve in zip(recall, envelope, strict=True)])
    return average, recall[:, -1]


def _read(recall: npt.NDArray[np.float64], precision: npt.NDArray[np.float64]) -> float:
    """Mean precision at COCO's recall levels; 0 at those that are not reached."""
    places = np.searchsorted(recall, RECALL_LEVELS, side="left")
    return float(precision[places[places < len(precision)]].sum()) / len(RECALL_LEVELS)
