"""How sure a comparison is: paired bootstrap intervals, and how well readers agree with one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes
from sissi.evaluation.coco_curves import IOUS, match_images
from sissi.evaluation.metrics import COCO_LIMIT, TABLE_METRICS

RESAMPLES = 2000
"""Of a bootstrap. Efron & Tibshirani (1993, section 13.3) ask for 1000 or more for percentile intervals."""
COVERAGE = 0.95
Resampled = npt.NDArray[np.float64]
"""(1 + resamples, 4): `metrics.TABLE_METRICS` on the test images as they are, then on each resample."""
RECALL_LEVELS = np.linspace(0, 1, 101)
"""At which COCO reads the precision."""


@dataclass(frozen=True)
class Difference:
    """A variant's metric minus that of the variant it is compared with; in fractions, like the metrics.

    Attributes:
        value: on the test images as they are, the mean over seeds.
        low, high: ends of the 95 % interval; nan where no resample had a true box.
        seeds: how many the two variants have in common.
    """

    value: float
    low: float
    high: float
    seeds: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of 0."""
        return self.low > 0 or self.high < 0


def bootstrap(found: Matches, *, resamples: int = RESAMPLES, seed: int = 0) -> Resampled:
    """The metrics of a variant for one reader, on the test images and on resamples of them.

    The same seed draws the same resamples of as many images, so that variants can be compared resample by resample.
    """
    images = len(found.truth)
    drawn = image_weights(images, resamples, np.random.default_rng([seed, images]))
    return metrics(found, np.concatenate([np.ones((1, images), np.int64), drawn]))


def paired_difference(
    variant: Mapping[int, Resampled], other: Mapping[int, Resampled], *, seed: int = 0
) -> dict[str, Difference]:
    """The difference between two variants, with intervals from a paired bootstrap over test images and seeds.

    Both variants of a seed leave the same trunk and see the same images, so a resample takes the same images and seeds
    for both, and the interval is that of the difference (percentile method: Efron & Tibshirani, *An Introduction to
    the Bootstrap*, 1993, section 13.3). Every seed is scored on the same images: the two are crossed and not nested,
    so images and seeds are resampled independently of each other (Owen, *The pigeonhole bootstrap*, Annals of Applied
    Statistics 1, 2007). With one seed the interval covers the choice of images alone; with few images or seeds it is
    too narrow rather than too wide.

    Args:
        variant: what `bootstrap` gives for one reader, by training seed.
        other: the same of the variant that it is compared with. Seeds that only one of them has are left out.
        seed: of the resampling of training seeds.

    Returns:
        A difference for each of `metrics.TABLE_METRICS`.

    Raises:
        ValueError: there is no common seed.
    """
    seeds = sorted(set(variant) & set(other))
    if not seeds:
        raise ValueError("a paired comparison needs a seed that both variants have")
    differences = np.stack([variant[one] - other[one] for one in seeds])
    count, draws = len(seeds), differences.shape[1] - 1
    means = np.einsum("rs,srm->rm", seed_weights(count, draws, seed), differences)
    return {
        name: Difference(float(means[0, index]), *percentiles(means[1:, index]), count)
        for index, name in enumerate(TABLE_METRICS)
    }


def seed_weights(count: int, draws: int, seed: int) -> npt.NDArray[np.float64]:
    """The weight of each training seed in a mean: (1 + draws, count), all equal, then resample by resample."""
    even = np.full(count, 1 / count)
    drawn = np.random.default_rng([seed, count]).multinomial(count, even, size=draws)
    return np.concatenate([even[None], drawn / count])


def percentiles(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The ends of the 95 % interval of resampled values, those that are no number left out; nan if all are."""
    known = values[np.isfinite(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(low), float(high)


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
    """`TABLE_METRICS` of each resample: (resamples, 4), fractions; nan where a resample has no true box.

    An image of weight k counts like k copies of itself. With weights of 1 the values are those of
    `metrics.coco_metrics`.

    Args:
        found: of a set of images.
        weights: (resamples, images), how often each image is in each resample.
    """
    result = np.full((len(weights), len(TABLE_METRICS)), np.nan)
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
