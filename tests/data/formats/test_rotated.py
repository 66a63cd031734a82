"""Upright boxes around rotated ones."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.data.formats.rotated import upright_extent

BOX = (10.0, 20.0, 30.0, 26.0)


@pytest.mark.parametrize(
    ("degrees", "pivot", "expected"),
    [
        (0, (0, 0), BOX),
        (90, (20, 23), (17, 13, 23, 33)),  # around its centre: sides change places
        (180, (20, 23), BOX),
        (90, (10, 20), (4, 20, 10, 40)),  # clockwise as seen: the top side becomes the right one
        (-90, (10, 20), (10, 0, 16, 20)),
    ],
)
def test_quarter_turns(degrees: float, pivot: tuple[float, float], expected: tuple[float, ...]) -> None:
    assert upright_extent(BOX, degrees, pivot) == pytest.approx(expected)


@given(st.floats(-360, 360))
def test_a_square_grows_as_the_sum_of_sine_and_cosine(degrees: float) -> None:
    left, top, right, bottom = upright_extent((0, 0, 2, 2), degrees, (1, 1))
    angle = math.radians(degrees)
    side = 2 * (abs(math.sin(angle)) + abs(math.cos(angle)))
    assert (right - left, bottom - top) == pytest.approx((side, side))
    assert (left + right, top + bottom) == pytest.approx((2, 2))
