"""How sure a comparison is: paired bootstrap intervals, and how well readers agree with one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from sissi.boxes import Boxes, iou
from sissi.evaluation.resampling import METRICS, Matches, image_weights, metrics

RESAMPLES = 2000
"""Of a bootstrap. Efron & Tibshirani (1993, section 13.3) ask for 1000 or more for percentile intervals."""
COVERAGE = 0.95
Resampled = npt.NDArray[np.float64]
"""(1 + resamples, 4): `resampling.METRICS` on the test images as they are, then on each resample."""


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
        A difference for each of `resampling.METRICS`.

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
        for index, name in enumerate(METRICS)
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


def agreement(first: Sequence[Boxes], second: Sequence[Boxes], threshold: float = 0.5) -> float:
    """F1 of two annotations of the same images: 2 pairs / (boxes of the first + boxes of the second).

    As many boxes as possible are paired, each once, at an IoU of at least `threshold`. People give no scores, so there
    is no order in which boxes could choose, and the result is the same both ways. nan if neither has a box.
    """
    paired = sum(_pairs(mine, theirs, threshold) for mine, theirs in zip(first, second, strict=True))
    boxes = sum(map(len, first)) + sum(map(len, second))
    return 2 * paired / boxes if boxes else float("nan")


def agreements(readers: Mapping[str, Sequence[Boxes]]) -> dict[tuple[str, str], float]:
    """`agreement` of each pair of readers, in their order."""
    return {(one, two): agreement(readers[one], readers[two]) for one, two in combinations(readers, 2)}


def _pairs(first: Boxes, second: Boxes, threshold: float) -> int:
    if not len(first) or not len(second):
        return 0
    close = csr_matrix(iou(first, second) >= threshold)
    return int((maximum_bipartite_matching(close, perm_type="column") >= 0).sum())
