import math

import pytest

from sissi.inference.grading.iso import grade, verdict

NAN = math.nan


@pytest.mark.parametrize(
    ("affected", "expected"),
    [(0, 0), (0.01, 1), (0.2, 1), (0.21, 2), (0.5, 2), (0.51, 3), (0.7, 3), (0.71, 4), (1, 4), (1 - 0.8, 1)],
)
def test_a_grade_has_at_most_its_limit_of_affected_cells(affected, expected):
    assert grade(affected) == expected


def test_limits_are_settings():
    assert grade(0.15, (0.05, 0.1, 0.2, 0.3)) == 2


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.1, 0.5, "pass"),
        (0.3, 0.51, "borderline"),
        (0.5, 0.6, "borderline"),
        (0.51, 0.9, "fail"),
        (NAN, NAN, "unknown"),
    ],
)
def test_an_interval_that_crosses_the_limit_of_grade_2_is_borderline(low, high, expected):
    assert verdict(low, high) == expected


def test_without_cells_there_is_no_grade():
    assert grade(NAN) is None
