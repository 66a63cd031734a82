"""The qualitative grade of cytotoxicity, 0 to 4.

ISO 10993-5:2009, *Biological evaluation of medical devices, part 5: tests for in vitro cytotoxicity*, table 1
(qualitative morphological grading of cytotoxicity of extracts): grade 0, none; 1, slight, not more than 20 % of the
cells affected; 2, mild, not more than 50 %; 3, moderate, not more than 70 %; 4, severe, nearly complete destruction. A
grade greater than 2 is a cytotoxic effect (8.5.1). The table also names lysis and growth inhibition, which counts of
cells alone do not show.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

LIMITS = (0.0, 0.2, 0.5, 0.7)
"""Largest share of affected cells of grades 0, 1, 2 and 3."""
PASSED = 2
"""Highest grade that is no cytotoxic effect."""
EXACT = 1e-9
"""A share that exceeds a limit by no more than this, from rounding, does not exceed it."""

Verdict = Literal["pass", "fail", "borderline", "unknown"]
WORDS: dict[Verdict, str] = {
    "pass": "pass",
    "fail": "fail",
    "borderline": "borderline: a person should look",
    "unknown": "unknown: no living or affected cell was found",
}
"""What the verdicts are called."""


def grade(affected: float, limits: Sequence[float] = LIMITS) -> int | None:
    """Grade of a share of affected cells, 0 to 4; None for NaN: without cells there is no grade.

    Args:
        affected: fraction of the cells.
        limits: largest fractions of grades 0, 1, 2 and 3, ascending.
    """
    return None if math.isnan(affected) else sum(affected > limit + EXACT for limit in limits)


def verdict(low: float, high: float, limits: Sequence[float] = LIMITS) -> Verdict:
    """Whether a well passes: its grade is at most 2 wherever the share lies in its interval.

    Args:
        low, high: ends of the interval of the share of affected cells, fractions; NaN if it is unknown.
        limits: largest fractions of grades 0, 1, 2 and 3.

    Returns:
        borderline if the interval crosses the limit of grade 2.
    """
    if math.isnan(low) or math.isnan(high):
        return "unknown"
    if high <= limits[PASSED] + EXACT:
        return "pass"
    return "fail" if low > limits[PASSED] + EXACT else "borderline"
