"""Cross-validation of tuned and untuned settings over the corrected images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sissi.search.tuning.fit import cell_size_for, fit
from sissi.search.tuning.scoring import Counts, Scorer, total
from sissi.search.tuning.space import Space

FOLDS = 5
"""Largest number of folds; with fewer images each image is a fold."""


@dataclass(frozen=True)
class HeldOut:
    """Quality of settings on images that they were not fitted to.

    Attributes:
        name: how the settings came about.
        counts: counts of each corrected image.
    """

    name: str
    counts: tuple[Counts, ...]

    @property
    def all(self) -> Counts:
        """Counts of all images together."""
        return total(self.counts)

    @property
    def error(self) -> float:
        """Standard error of F1 over the images, by the jackknife."""
        left_out = [total([*self.counts[:index], *self.counts[index + 1 :]]).f1 for index in range(len(self.counts))]
        return float(np.sqrt((len(left_out) - 1) * np.var(left_out)))


def folds(cells: Sequence[int], seed: int) -> list[tuple[list[int], list[int]]]:
    """Indices of the images that settings are fitted to, and of those that are held out, for each fold.

    Each image is held out once. Images without cells are dealt last, so that there are cells to fit to in each fold.

    Args:
        cells: number of true boxes of each image; at least two images have some.
        seed: seed of the order in which the images are dealt.
    """
    order: list[int] = np.random.default_rng(seed).permutation(len(cells)).tolist()
    order.sort(key=lambda index: cells[index] == 0)
    count = min(FOLDS, len(cells))
    held = [order[start::count] for start in range(count)]
    return [([index for index in order if index not in out], out) for out in held]


def cross_validate(
    space: Space, scorer: Scorer, trials: int, seed: int, advance: Callable[[], None]
) -> tuple[HeldOut, HeldOut]:
    """Held-out counts with the size of a cell alone, and tuned.

    In each fold both are fitted to the other images: the size of a cell is theirs.

    Args:
        space: search space.
        scorer: counts of the corrected images.
        trials: number of trials of each fold.
        seed: seed of the folds and of the samplers.
        advance: function that is called after each trial.
    """
    sized: dict[int, Counts] = {}
    tuned: dict[int, Counts] = {}
    for fitted_to, held in folds([len(sample.boxes) for sample in scorer.samples], seed):
        settings = space.given.for_cells_of(cell_size_for(space.given, scorer, fitted_to))
        sized |= zip(held, scorer.counts(settings, held), strict=True)
        best = fit(space, scorer, fitted_to, trials, seed, lambda _: advance()).settings
        tuned |= zip(held, scorer.counts(best, held), strict=True)
    return _in_order("cell size alone", sized), _in_order("tuned", tuned)


def _in_order(name: str, counts: dict[int, Counts]) -> HeldOut:
    return HeldOut(name, tuple(counts[index] for index in sorted(counts)))
