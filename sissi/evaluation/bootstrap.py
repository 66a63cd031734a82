"""Confidence intervals of comparisons by a paired bootstrap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes
from sissi.evaluation.coco_curves import IOUS, match_images
from sissi.evaluation.metrics import COCO_LIMIT, TABLE_METRICS
from sissi.runtime.compiled import compiled

RESAMPLES = 2000
"""Number of resamples. Efron & Tibshirani (1993, section 13.3) recommend at least 1000 for percentile intervals."""
COVERAGE = 0.95
Resampled = npt.NDArray[np.float64]
"""`metrics.TABLE_METRICS` on the test images, then on each resample, shape (1 + resamples, 4)."""
RECALL_LEVELS = np.linspace(0, 1, 101)
"""Levels of recall at which COCO samples the precision."""


@dataclass(frozen=True)
class Difference:
    """Difference of a metric between a variant and the variant of comparison, as a fraction.

    Attributes:
        value: mean over seeds, on the test images.
        low, high: ends of the 95 % interval; NaN if no resample contains a true box.
        seeds: number of seeds that both variants have.
    """

    value: float
    low: float
    high: float
    seeds: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of 0."""
        return self.low > 0 or self.high < 0


def bootstrap(matched: Matches, *, resamples: int = RESAMPLES, seed: int = 0) -> Resampled:
    """Compute the metrics of a variant for one reader, on the test images and on resamples of them.

    Equal seeds and numbers of images give equal resamples, so that variants can be compared resample by resample.
    """
    images = len(matched.truth)
    drawn = image_weights(images, resamples, np.random.default_rng([seed, images]))
    return metrics(matched, np.concatenate([np.ones((1, images), np.int64), drawn]))


def paired_difference(
    variant: Mapping[int, Resampled], other: Mapping[int, Resampled], *, seed: int = 0
) -> dict[str, Difference]:
    """Difference between two variants, with intervals from a paired bootstrap over test images and seeds.

    For each seed, both variants start from the same trunk and are scored on the same images. So a resample takes the
    same images and seeds for both, and the interval is that of the difference (percentile method: Efron & Tibshirani,
    *An Introduction to the Bootstrap*, 1993, section 13.3). Every seed is scored on the same images: images and seeds
    are crossed, not nested, so they are resampled independently of each other (Owen, *The pigeonhole bootstrap*, Annals
    of Applied Statistics 1, 2007). With one seed the interval covers only the choice of images. With few images or
    seeds it tends to be too narrow.

    Args:
        variant: results of `bootstrap` for one reader, by training seed.
        other: results of the variant of comparison. Seeds that only one of the variants has are left out.
        seed: seed for the resampling of training seeds.

    Returns:
        Difference for each of `metrics.TABLE_METRICS`.

    Raises:
        ValueError: the variants have no common seed.
    """
    seeds = sorted(set(variant) & set(other))
    if not seeds:
        raise ValueError("a paired comparison needs a seed that both variants have")
    differences = np.stack([variant[common] - other[common] for common in seeds])
    count, draws = len(seeds), differences.shape[1] - 1
    means = np.einsum("rs,srm->rm", seed_weights(count, draws, seed), differences)
    return {
        name: Difference(float(means[0, index]), *percentiles(means[1:, index]), count)
        for index, name in enumerate(TABLE_METRICS)
    }


def seed_weights(count: int, draws: int, seed: int) -> npt.NDArray[np.float64]:
    """Weights of the training seeds in a mean, shape (1 + draws, count): equal weights, then those of each resample."""
    even = np.full(count, 1 / count)
    drawn = np.random.default_rng([seed, count]).multinomial(count, even, size=draws)
    return np.concatenate([even[None], drawn / count])


def percentiles(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Ends of the 95 % interval of resampled values without NaN and infinite values; NaN if none is left."""
    known = values[np.isfinite(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(low), float(high)


@dataclass(frozen=True, eq=False)
class Matches:
    """Detections of a set of images, highest score first, and whether each matches a true box.

    Attributes:
        image: index of the image of each detection, shape (N,), int64.
        hit: whether it matches a true box at each of COCO's ten IoU thresholds, shape (T, N), bool.
        truth: number of true boxes of each image, shape (images,), int64.
        ious: IoU thresholds, shape (T,), float64.
    """

    image: npt.NDArray[np.int64]
    hit: npt.NDArray[np.bool_]
    truth: npt.NDArray[np.int64]
    ious: npt.NDArray[np.float64]


def matches(predicted: Sequence[Boxes], truth: Sequence[Boxes]) -> Matches:
    """Match the predictions for a list of images with the boxes of one reader by COCO's rule, 100 detections per image.

    Args:
        predicted: boxes with scores, one record per image.
        truth: boxes of one reader, in the same order.
    """
    images = match_images(predicted, truth, COCO_LIMIT)
    scores = np.concatenate([scores for scores, _ in images])
    order = np.argsort(-scores, kind="stable")  # as in COCOeval: for equal scores, the earlier image first
    return Matches(
        image=np.repeat(np.arange(len(images)), [len(scores) for scores, _ in images])[order],
        hit=np.concatenate([hit for _, hit in images], axis=1)[:, order],
        truth=np.array([len(boxes) for boxes in truth], np.int64),
        ious=IOUS,
    )


def image_weights(images: int, resamples: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Number of copies of each image in each resample, shape (resamples, images), int64; rows sum to `images`."""
    return random.multinomial(images, np.full(images, 1 / images), size=resamples)


def metrics(matched: Matches, weights: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Compute `TABLE_METRICS` of each resample.

    An image of weight k counts like k copies of it. With weights of 1 the values are those of `metrics.coco_metrics`.

    Args:
        matched: matched detections of a set of images.
        weights: number of copies of each image in each resample, shape (resamples, images).

    Returns:
        Fractions, shape (resamples, 4), float64; NaN where a resample contains no true box.
    """
    result = np.full((len(weights), len(TABLE_METRICS)), np.nan)
    at_50, at_75 = (int(np.argmin(np.abs(matched.ious - iou))) for iou in (0.5, 0.75))
    counted = np.ascontiguousarray(weights, np.int64)
    known = counted @ matched.truth > 0
    precision, recall = _accumulate(
        np.ascontiguousarray(matched.hit),
        np.ascontiguousarray(matched.image, np.int64),
        matched.truth,
        counted[known],
    )
    result[known] = np.stack(
        [precision[:, at_50], precision[:, at_75], precision.mean(axis=1), recall.mean(axis=1)], axis=1
    )
    return result


@compiled("UniTuple(f8[:,::1], 2)(b1[:,::1], i8[::1], i8[::1], i8[:,::1])")
def _accumulate(hit, image, truth, weights):  # type: ignore[no-untyped-def]
    """Average precision and recall at each IoU threshold, shape (resamples, T) each: COCOeval.accumulate with weights.

    The precision is sampled at COCO's levels of recall; it is 0 at levels above the highest recall.
    """
    resamples, thresholds, detections, levels = len(weights), len(hit), len(image), len(RECALL_LEVELS)
    average, recall = np.zeros((resamples, thresholds)), np.zeros((resamples, thresholds))
    hits, precision = np.zeros(detections), np.zeros(detections)
    for row in range(resamples):
        weight, cells = weights[row], 0
        for one in range(len(truth)):
            cells += weight[one] * truth[one]
        for threshold in range(thresholds):
            right = counted = 0.0
            for index in range(detections):
                times = weight[image[index]]
                counted += times
                if hit[threshold, index]:
                    right += times
                hits[index] = right
                precision[index] = right / counted if counted else 0.0
            for index in range(detections - 2, -1, -1):
                precision[index] = max(precision[index], precision[index + 1])
            total, index = 0.0, 0
            for level in range(levels):
                while index < detections and hits[index] / cells < RECALL_LEVELS[level]:
                    index += 1
                if index == detections:
                    break
                total += precision[index]
            average[row, threshold], recall[row, threshold] = total / levels, right / cells
    return average, recall
