"""More than 8 bits become 8: linearly, with limits that a few odd pixels do not move."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sissi.data.images.stretch import stretch


def test_the_stretch_in_closed_form() -> None:
    ramp = np.arange(1000, dtype=np.uint16).reshape(8, 125)
    low, high = 0.999, 998.001  # 0.1 and 99.9 % of the way from 0 to 999
    expected = np.rint(np.clip((ramp - low) / (high - low) * 255, 0, 255))
    np.testing.assert_array_equal(stretch(ramp), expected)
    np.testing.assert_array_equal(stretch(ramp.astype(np.float32) / 1024 - 7), expected)


def test_a_few_bright_pixels_still_show() -> None:
    sparse = np.full((100, 100), 500, np.uint16)
    sparse[3, 4] = 900  # one pixel in 10,000: both percentiles are 500
    result = stretch(sparse)
    assert result[3, 4] == 255
    assert result.sum() == 255


def test_a_constant_image_is_black() -> None:
    assert not stretch(np.full((4, 5), 1234, np.uint16)).any()


def test_nan_is_black_infinity_white_and_neither_moves_the_limits() -> None:
    values = np.arange(1001, dtype=np.float64).reshape(7, 143)
    values[0, 0], values[0, 1], values[0, 2] = np.nan, np.inf, -np.inf
    result = stretch(values)
    assert result[0, :3].tolist() == [0, 255, 0]
    finite = values.ravel()[3:]
    np.testing.assert_array_equal(result.ravel()[3:], stretch(finite[:, None])[:, 0])


def test_a_large_image_is_stretched_in_strips() -> None:
    large = (np.arange(2100)[:, None] * 20 + np.arange(2100)[None, :] * 7).astype(np.uint16)
    low, high = np.percentile(large, [0.1, 99.9])
    expected = np.rint(np.clip((large.astype(float) - low) / (high - low) * 255, 0, 255))
    np.testing.assert_array_equal(stretch(large), expected)


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=50))
def test_the_stretch_keeps_the_order_of_values(numbers: list[int]) -> None:
    values = np.array(sorted(numbers), np.int64)[:, None]
    result = stretch(values)
    assert (np.diff(result[:, 0].astype(int)) >= 0).all()
    if numbers and min(numbers) < max(numbers):
        assert result.max() == 255
        assert result.min() == 0
