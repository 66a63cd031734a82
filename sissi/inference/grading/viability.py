"""Viability: the share of living cells among living and affected ones, with a 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from sissi.errors import SissiError
from sissi.evaluation.bootstrap import COVERAGE
from sissi.inference.grading.detector_errors import DetectorErrors, Floats, Response, chosen, perfect

DRAWS = 2000
"""Draws of the Monte Carlo calculation."""
Z = NormalDist().inv_cdf((1 + COVERAGE) / 2)
"""Standard errors on both sides that hold 95 %."""
NONE = 0.01
"""Corrected counts of living and affected cells together up to this are of no cell, and have no share."""
NAN = float("nan")
AFFECTED = "dead"
"""Name of the class that is affected where nobody says which: devices are judged by the share of dead cells."""


@dataclass(frozen=True)
class Groups:
    """Which classes are living and which affected; others are counted, and left out of the viability.

    Attributes:
        living, affected: indices of the classes, from 0 on.
    """

    living: tuple[int, ...]
    affected: tuple[int, ...]

    def others(self, classes: int) -> tuple[int, ...]:
        """Indices of the classes, of this number, that are neither."""
        return tuple(index for index in range(classes) if index not in self.living + self.affected)

    def living_of_both(self, counts: npt.NDArray[np.int64]) -> tuple[int, int]:
        """Number of living cells, and of living and affected ones, of the counts of each class (K,)."""
        living = int(counts[list(self.living)].sum())
        return living, living + int(counts[list(self.affected)].sum())

    def share(self, counts: Floats) -> Floats:
        """Share of living cells of each row of counts (N, K), shape (N,), float64; NaN where there are none."""
        living = counts[:, self.living].sum(axis=1)
        both = living + counts[:, self.affected].sum(axis=1)
        shares: Floats = np.divide(living, both, out=np.full(len(counts), np.nan), where=both > NONE)
        return shares


@dataclass(frozen=True)
class Viability:
    """Viability of a well, as fractions; NaN if no living or affected cell was found.

    Attributes:
        value: corrected for the detectors' errors as far as they are known, mean over the detectors.
        low, high: ends of the 95 % interval of all that is known: counting, the detectors' errors, their disagreement.
        counted: without correction, mean over the detectors.
        counting_low, counting_high: ends of Wilson's interval of the cells that the first detector counts.
        detectors: the corrected viability by each detector.
    """

    value: float
    low: float
    high: float
    counted: float
    counting_low: float
    counting_high: float
    detectors: tuple[float, ...]


def groups_of(names: Sequence[str], living: Sequence[str] = (), affected: Sequence[str] = ()) -> Groups:
    """The groups that names of classes make.

    Args:
        names: of a detector's classes in order.
        living: names that somebody gave; empty: all that are not affected, so that no cell is left out.
        affected: names that somebody gave; empty: `AFFECTED`, if there is such a class.

    Raises:
        SissiError: the detector has one class, lacks a class that is named, or nobody says which class is living or
            affected, or a class is both.
    """
    if len(names) < 2:
        raise SissiError(
            f"the detector knows one class, {', '.join(names)}: a viability needs living and affected cells, so train "
            "one with `classes`"
        )
    for option, given in (("--living", living), ("--affected", affected)):
        unknown = [name for name in given if name not in names]
        if unknown:
            raise SissiError(f"{option} {unknown[0]}: the detector has no such class; it has {', '.join(names)}")
    dead = affected or [name for name in names if name == AFFECTED and name not in living]
    alive = living or [name for name in names if name not in dead]
    both = [name for name in alive if name in dead]
    if both:
        raise SissiError(f"{both[0]}: is named as --living and as --affected; a class can be one of the two")
    for option, found in (("--affected", dead), ("--living", alive)):
        if not found:
            raise SissiError(f"{option}: name the classes that are {option[2:]}; the detector has {', '.join(names)}")
    return Groups(tuple(map(names.index, alive)), tuple(map(names.index, dead)))


def wilson(z: npt.ArrayLike, count: float, total: float) -> Floats:
    """The share p for which `count` of `total` cells lies z standard errors below what p predicts.

    At z = -1.96 and 1.96 these are the ends of the 95 % interval of Wilson (*Journal of the American Statistical
    Association* 22, 1927). Of normal z it is a sample whose quantiles are the ends of his intervals at every level.

    Args:
        z: of any shape.
        count: number of cells that count.
        total: number of all cells, at least 1.

    Returns:
        Fractions of the shape of z, float64.
    """
    z = np.asarray(z, np.float64)
    share, square = count / total, z**2 / total
    middle, width = share + square / 2, z * np.sqrt((share * (1 - share) + square / 4) / total)
    ends: Floats = np.clip((middle + width) / (1 + square), 0, 1)  # rounding leaves the range
    return ends


@dataclass(frozen=True, eq=False)
class Calculation:
    """A Monte Carlo calculation, the same for every well.

    Attributes:
        groups: which classes are living and affected.
        responses: of each detector.
        which: detector of each draw, shape (draws,), int64.
        versions: response of each draw.
        z: draws from the normal distribution for what is counted, shape (draws, K - 1), float64.
        seed: of draws that depend on the well.
    """

    groups: Groups
    responses: tuple[Response, ...]
    which: npt.NDArray[np.int64]
    versions: Response
    z: Floats
    seed: int


def prepare(
    groups: Groups, classes: int, detectors: int = 1, errors: Sequence[DetectorErrors] = (), seed: int = 0
) -> Calculation:
    """Prepare the calculation of the viability of wells.

    Args:
        groups: which classes are living and affected.
        classes: number of classes.
        detectors: number of detectors.
        errors: of each detector; empty: they are unknown, and intervals hold counting errors and disagreement only.
        seed: of the draws.
    """
    random = np.random.default_rng([seed, classes])
    middles = (np.arange(DRAWS) + 0.5) / DRAWS
    quantiles = np.array([NormalDist().inv_cdf(middle) for middle in middles])
    z = np.stack([random.permutation(quantiles) for _ in range(classes - 1)], axis=1)
    which = random.permutation(np.arange(DRAWS) % detectors)
    versions = [one.drawn(DRAWS, random) for one in errors] or [perfect(classes)] * detectors
    responses = [one.response() for one in errors] or [perfect(classes)] * detectors
    return Calculation(groups, tuple(responses), which, chosen(versions, which), z, seed)


def estimate(counts: npt.NDArray[np.int64], areas: Sequence[float], how: Calculation) -> Viability:
    """Viability of a well with its interval.

    Each of `DRAWS` draws takes one of the detectors, the numbers of cells that it could as well have found, as `wilson`
    says, and a version of its errors (`DetectorErrors.drawn`) in so many images (`Response.of_images`), and corrects
    the ones by the others. The interval holds the middle 95 % of the draws' viabilities. A draw that leaves no living
    and no affected cell can be of any viability: it counts as 0 or as 1. So without known errors the interval of one
    detector is Wilson's. The draws of z are stratified (Latin hypercube: McKay, Beckman and Conover, *Technometrics*
    21, 1979).

    Args:
        counts: number of cells of each class that each detector found, shape (detectors, K).
        areas: of the well's images, in px.
        how: the calculation.
    """
    counted = how.groups.share(counts.astype(np.float64))
    if np.isnan(counted).all():
        return Viability(NAN, NAN, NAN, NAN, NAN, NAN, (NAN,) * len(counts))
    area = sum(areas)
    pairs = zip(how.responses, counts.astype(np.float64), strict=True)
    single = np.concatenate([how.groups.share(one.true_counts(found[None], area)) for one, found in pairs])
    single = np.where(np.isnan(single), counted, single)
    found = np.stack([_drawn_counts(one, how.groups, how.z) for one in counts])[how.which, np.arange(len(how.which))]
    versions = how.versions.of_images(len(areas), np.random.default_rng(how.seed))
    drawn = how.groups.share(versions.true_counts(found, area))
    drawn = np.where(np.isnan(drawn), np.arange(len(drawn)) % 2, drawn)
    low, high = np.quantile(drawn, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]).tolist()
    value = float(np.nanmean(single))
    living, both = how.groups.living_of_both(counts[0])
    counting_low, counting_high = wilson([-Z, Z], living, both).tolist() if both else (NAN, NAN)
    return Viability(
        value,
        min(low, value),
        max(high, value),
        float(np.nanmean(counted)),
        counting_low,
        counting_high,
        tuple(single.tolist()),
    )


def _drawn_counts(counts: npt.NDArray[np.int64], groups: Groups, z: Floats) -> Floats:
    """Numbers of cells that could as well have been found as `counts` (K,), one row for each row of z, (N, K - 1).

    The cells are divided in two again and again, each time by `wilson`: first those that count for the viability from
    the others, then living from affected ones, then class from class.
    """
    parts = groups.living, groups.affected, groups.others(len(counts))
    divisions = [(groups.living + groups.affected, parts[2]), parts[:2]]
    divisions += [((part[index],), part[index + 1 :]) for part in parts for index in range(len(part) - 1)]
    drawn = np.full((len(z), len(counts)), float(counts.sum()))
    for (first, second), column in zip((pair for pair in divisions if pair[1]), z.T, strict=True):
        mine, total = counts[list(first)].sum(), counts[list(first + second)].sum()
        share = wilson(column, mine, total) if total else np.full(len(z), 0.5)
        drawn[:, first] *= share[:, None]
        drawn[:, second] *= 1 - share[:, None]
    return drawn
