"""Share of the headroom: how much of what perfect labels would add to no correction a variant wins."""

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
"""Of which there is a share."""
ROUNDING = 1e-9
"""A headroom up to this is none: what sums of floats leave where two rows score the same."""


@dataclass(frozen=True)
class Share:
    """(variant - weak-only) / (oracle - weak-only), of one metric; 0: no better than no correction, 1: as the oracle.

    Attributes:
        value: on the test images as they are, of means over seeds; nan where the oracle is not above weak-only.
        low, high: ends of the 95 % interval; nan where there is none, see `shares_of`.
        seeds: how many the three rows have in common.
        undefined: share of the resamples in which the oracle is not above weak-only.
    """

    value: float
    low: float
    high: float
    seeds: int
    undefined: float


Shares = dict[tuple[str, str, str], Share]
"""By variant, reader and metric."""


def shares_of(
    variant: Mapping[int, Resampled], floor: Mapping[int, Resampled], ceiling: Mapping[int, Resampled], *, seed: int = 0
) -> dict[str, Share]:
    """The share of the headroom that a variant wins for one reader, with intervals by a paired bootstrap.

    The statistic is known as the performance gap recovered (Burns et al., *Weak-to-strong generalization*, 2023,
    arXiv 2312.09390, section 3). It is a ratio of two differences of means over seeds, so a resample takes the same
    images and seeds for all three rows and gives one ratio; the interval is from percentiles of these ratios (Efron &
    Tibshirani, *An Introduction to the Bootstrap*, 1993, section 13.3). Images and seeds are drawn as in
    `bootstrap.paired_difference`.

    A resample in which the oracle is not above weak-only has no headroom and no share: it is left out, and counted in
    `undefined`. If that is more than one in twenty, the headroom itself is not sure at this level, and a 95 % interval
    of the ratio has no ends (Fieller, *Some problems in interval estimation*, 1954): `low` and `high` are nan.

    Args:
        variant: what `bootstrap.bootstrap` gives for one reader, by training seed.
        floor: the same of weak-only.
        ceiling: the same of the oracle. Seeds that one of the three has not are left out.
        seed: of the resampling of training seeds.

    Returns:
        A share for each of `HEADROOM_METRICS`.

    Raises:
        ValueError: there is no common seed.
    """
    seeds = sorted(set(variant) & set(floor) & set(ceiling))
    if not seeds:
        raise ValueError("a share of the headroom needs a seed that all three rows have")
    won = np.stack([variant[one] - floor[one] for one in seeds])
    room = np.stack([ceiling[one] - floor[one] for one in seeds])
    weights = seed_weights(len(seeds), won.shape[1] - 1, seed)
    found = {}
    for metric in HEADROOM_METRICS:
        column = TABLE_METRICS.index(metric)
        gain, headroom = (np.einsum("rs,sr->r", weights, part[:, :, column]) for part in (won, room))
        defined = headroom > ROUNDING  # also False for nan, where a resample has no true box
        ratio = np.divide(gain, headroom, out=np.full_like(gain, np.nan), where=defined)
        undefined = float(1 - defined[1:].mean())
        low, high = percentiles(ratio[1:]) if undefined <= 1 - COVERAGE else (float("nan"), float("nan"))
        found[metric] = Share(float(ratio[0]), low, high, len(seeds), undefined)
    return found


def shares(scored: Mapping[tuple[str, int], Mapping[str, Resampled]]) -> Shares:
    """The shares of every variant that corrects labels, for each reader; empty without weak-only or oracle.

    Args:
        scored: what `bootstrap.bootstrap` gives, by variant and seed, then by reader.
    """
    by_seed: dict[tuple[str, str], dict[int, Resampled]] = {}
    for (variant, seed), of_readers in scored.items():
        for reader, resampled in of_readers.items():
            by_seed.setdefault((variant, reader), {})[seed] = resampled
    found: Shares = {}
    for (variant, reader), of_seeds in by_seed.items():
        floor, ceiling = (by_seed.get((name, reader), {}) for name in (WEAK_ONLY, ORACLE))
        if variant not in REFERENCES and set(of_seeds) & set(floor) & set(ceiling):
            for metric, share in shares_of(of_seeds, floor, ceiling).items():
                found[variant, reader, metric] = share
    return found


def records(found: Shares) -> list[dict[str, Any]]:
    """A record for each share, at full precision; None where there is none."""
    return [
        {"variant": variant, "reader": reader, "metric": metric}
        | {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in vars(share).items()}
        for (variant, reader, metric), share in found.items()
    ]


def from_records(entries: list[dict[str, Any]]) -> Shares:
    """The shares of which `records` gave these."""
    found = {}
    for one in entries:
        values: dict[str, Any] = {name: math.nan if one[name] is None else one[name] for name in _FIELDS}
        found[one["variant"], one["reader"], one["metric"]] = Share(**values)
    return found


_FIELDS = [field.name for field in fields(Share)]
