"""A row of the table: something that sissi does, against something that it is measured by, side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Figure = tuple[str, float, str]
"""Name, value and unit of something that is measured by itself."""


@dataclass(frozen=True)
class Row:
    """A comparison on this machine.

    Attributes:
        what: that was measured.
        against: what it is measured by.
        values: of each repeat: ours / theirs, or ours - theirs where the unit says so.
        unit: empty for a ratio.
        goal: the value to stay at or below.
        ours: what is measured, median, in `measured_in`.
        theirs: what it is measured by.
        measured_in: s or MB.
        limited_by: what keeps it from being lower.
    """

    what: str
    against: str
    values: tuple[float, ...]
    goal: float
    ours: float
    theirs: float
    limited_by: str
    unit: str = ""
    measured_in: str = "s"

    @property
    def median(self) -> float:
        """Of the repeats."""
        return statistics.median(self.values)

    @property
    def reached(self) -> bool:
        """Whether the median meets the goal."""
        return self.median <= self.goal


def compare(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    *,
    repeats: int,
    what: str,
    against: str,
    goal: float,
    limited_by: str,
    warm_up: bool = True,
) -> Row:
    """Time two things in turn, each repeat in the other order, so that a busy moment meets both alike.

    Args:
        ours: called without arguments.
        theirs: likewise.
        repeats: of the pair.
        what: see `Row`.
        against: see `Row`.
        goal: see `Row`.
        limited_by: see `Row`.
        warm_up: call both once before, not counted.
    """
    if warm_up:
        ours(), theirs()
    pairs = []
    for repeat in range(repeats):
        if repeat % 2:
            second, first = seconds(theirs), seconds(ours)
        else:
            first, second = seconds(ours), seconds(theirs)
        pairs.append((first, second))
    return of_pairs(pairs, what=what, against=against, goal=goal, limited_by=limited_by)


def of_pairs(
    pairs: Sequence[tuple[float, float]],
    *,
    what: str,
    against: str,
    goal: float,
    limited_by: str,
    measured_in: str = "s",
) -> Row:
    """The row of ratios of what was measured in pairs, ours and theirs."""
    return Row(
        what=what,
        against=against,
        values=tuple(first / second for first, second in pairs),
        goal=goal,
        ours=statistics.median(first for first, _ in pairs),
        theirs=statistics.median(second for _, second in pairs),
        limited_by=limited_by,
        measured_in=measured_in,
    )


def seconds(work: Callable[[], object]) -> float:
    """Wall time of a call."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
