"""Share of the headroom: the part of the gap between uncorrected and reference labels that a variant closes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from sissi.config.variants import ORACLE, REFERENCES, WEAK_ONLY
from sissi.evaluation.bootstrap import COVERAGE, Resampled, percentiles, seed_weights
from sissi.evaluation.metrics import TABLE_METRICS

HEADROOM_METRICS = ("AP", "AR")
"""Metrics for which a share is computed."""
ROUNDING = 1e-9
"""Largest headroom that counts as zero: the rounding error of rows with equal scores."""


@dataclass(frozen=True)
class Share:
    """Share of the headroom, (variant - weak-only) / (oracle - weak-only), for one metric.

    0 means no better than without correction, 1 means as good as the oracle.

    Attributes:
        value: share on the test images, from means over seeds; NaN if the oracle is not above weak-only.
        low, high: ends of the 95 % interval; NaN if there is none, see `shares_of`.
        seeds: number of seeds that all three rows have.
        undefined: fraction of the resamples in which the oracle is not above weak-only.
    """

    value: float
    low: float
    high: float
    seeds: int
    undefined: float


Shares = dict[tuple[str, str, str], Share]
"""Shares by variant, reader and metric."""


def shares_of(
    variant: Mapping[int, Resampled], floor: Mapping[int, Resampled], ceiling: Mapping[int, Resampled], *, seed: int = 0
) -> dict[str, Share]:
    """Share of the headroom of a variant for one reader, with intervals by a paired bootstrap.

    The statistic is known as the performance gap recovered (Burns et al., *Weak-to-strong generalization*, 2023,
    arXiv 2312.09390, section 3). It is a ratio of two differences of means over seeds. A resample takes the same images
    and seeds for all three rows and gives one ratio. The interval consists of percentiles of these ratios (Efron &
    Tibshirani, *An Introduction to the Bootstrap*, 1993, section 13.3). Images and seeds are drawn as in
    `bootstrap.paired_difference`.

    A resample in which the oracle is not above weak-only has no headroom and no share. It is left out and counted in
    `undefined`. If more than one in twenty resamples is undefined, the headroom itself is not significant at this
    level, and a 95 % interval of the ratio is unbounded (Fieller, *Some problems in interval estimation*, 1954): `low`
    and `high` are NaN.

    Args:
        variant: results of `bootstrap.bootstrap` for one reader, by training seed.
        floor: results of weak-only.
        ceiling: results of the oracle. Seeds that one of the three rows lacks are left out.
        seed: seed for the resampling of training seeds.

    Returns:
        Share for each of `HEADROOM_METRICS`.

    Raises:
        ValueError: the three rows have no common seed.
    """
    seeds = sorted(set(variant) & set(floor) & set(ceiling))
    if not seeds:
        raise ValueError("a share of the headroom needs a seed that all three rows have")
    gains = np.stack([variant[common] - floor[common] for common in seeds])
    headrooms = np.stack([ceiling[common] - floor[common] for common in seeds])
    weights = seed_weights(len(seeds), gains.shape[1] - 1, seed)
    result = {}
    for metric in HEADROOM_METRICS:
        column = TABLE_METRICS.index(metric)
        gain, headroom = (np.einsum("rs,sr->r", weights, part[:, :, column]) for part in (gains, headrooms))
        defined = headroom > ROUNDING  # also False for NaN, where a resample contains no true box
        ratio = np.divide(gain, headroom, out=np.full_like(gain, np.nan), where=defined)
        undefined = float(1 - defined[1:].mean())
        low, high = percentiles(ratio[1:]) if undefined <= 1 - COVERAGE else (float("nan"), float("nan"))
        result[metric] = Share(float(ratio[0]), low, high, len(seeds), undefined)
    return result


def shares(scored: Mapping[tuple[str, int], Mapping[str, Resampled]]) -> Shares:
    """Shares of every variant that corrects labels, for each reader; empty without weak-only or oracle.

    Args:
        scored: results of `bootstrap.bootstrap` by variant and seed, then by reader.
    """
    by_seed: dict[tuple[str, str], dict[int, Resampled]] = {}
    for (variant, seed), of_readers in scored.items():
        for reader, resampled in of_readers.items():
            by_seed.setdefault((variant, reader), {})[seed] = resampled
    result: Shares = {}
    for (variant, reader), of_seeds in by_seed.items():
        floor, ceiling = (by_seed.get((name, reader), {}) for name in (WEAK_ONLY, ORACLE))
        if variant not in REFERENCES and set(of_seeds) & set(floor) & set(ceiling):
            for metric, share in shares_of(of_seeds, floor, ceiling).items():
                result[variant, reader, metric] = share
    return result


def records(by_row: Shares) -> list[dict[str, Any]]:
    """Record of each share, at full precision; None in place of NaN."""
    return [
        {"variant": variant, "reader": reader, "metric": metric}
        | {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in vars(share).items()}
        for (variant, reader, metric), share in by_row.items()
    ]


def from_records(entries: list[dict[str, Any]]) -> Shares:
    """Shares from records that `records` returned."""
    result = {}
    for entry in entries:
        values: dict[str, Any] = {name: math.nan if entry[name] is None else entry[name] for name in _FIELDS}
        result[entry["variant"], entry["reader"], entry["metric"]] = Share(**values)
    return result


_FIELDS = [field.name for field in fields(Share)]
