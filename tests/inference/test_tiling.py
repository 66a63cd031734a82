import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.boxes import Boxes, clip, drop_degenerate, make_boxes, scale
from sissi.inference.tiling import LARGEST_CELL, merge, windows
from tests.strategies import QUARTERS


def ordered(boxes: Boxes) -> np.ndarray:
    rows = np.column_stack([boxes.xyxy, boxes.scores])
    return rows[np.lexsort(rows.T)]


def seen(truth: Boxes, window) -> Boxes:
    """What a perfect detector sees in a window: every cell, cut off at the window's sides."""
    moved = make_boxes(truth.xyxy - np.float32([window.left, window.top] * 2), truth.scores)
    return drop_degenerate(clip(moved, window.right - window.left, window.bottom - window.top))


def tiled(truth: Boxes, height: int, width: int, tile: tuple[int, int]) -> Boxes:
    parts = [window.keep(seen(truth, window)) for window in windows(height, width, tile)]
    return merge(parts, height, width, 0.5)


@st.composite
def fields(draw):
    """Height, width and tile in px, and cells in a grid, each as large as a tile allows at most, none overlapping."""
    tile = draw(st.integers(40, 200)), draw(st.integers(40, 200))
    largest = [math.floor(LARGEST_CELL * side) for side in tile]
    rows, columns = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    sides = random.integers(QUARTERS, np.array(largest[::-1]) * QUARTERS, (rows, columns, 2), endpoint=True)
    room = np.array(largest[::-1]) * QUARTERS - sides
    corners = np.moveaxis(np.mgrid[:rows, :columns][::-1], 0, 2) * largest[::-1]
    starts = corners * QUARTERS + random.integers(0, room, endpoint=True)
    xyxy = np.concatenate([starts, starts + sides], axis=2).reshape(-1, 4) / QUARTERS
    cells = make_boxes(xyxy, random.integers(1, 20, len(xyxy)) / 20)
    return rows * largest[0], columns * largest[1], tile, cells


@given(fields())
def test_tiles_find_the_same_cells_as_the_whole_image_each_once(field):
    height, width, tile, truth = field
    np.testing.assert_allclose(ordered(tiled(truth, height, width, tile)), ordered(truth), atol=1e-4)


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(16, 700), st.integers(16, 700))
def test_windows_cover_the_image_with_equal_size_and_cores_leave_no_gap(height, width, tall, wide):
    found = windows(height, width, (tall, wide))
    assert {(w.bottom - w.top, w.right - w.left) for w in found} == {(min(tall, height), min(wide, width))}
    assert all(w.left >= 0 and w.top >= 0 and w.right <= width and w.bottom <= height for w in found)
    for low, high, first, last in ((0, 2, "left", "right"), (1, 3, "top", "bottom")):
        sides = sorted({(getattr(w, first), getattr(w, last), w.core[low], w.core[high]) for w in found})
        assert sides[0][2] == -math.inf and sides[-1][3] == math.inf
        for one, following in pairwise(sides):
            assert following[0] <= following[2] <= one[3] <= one[1]


def test_an_image_of_one_tile_is_one_window():
    (window,) = windows(480, 640, (480, 640))
    assert (window.left, window.top, window.right, window.bottom) == (0, 0, 640, 480)


def test_a_cell_that_two_tiles_place_differently_is_counted_once():
    first, second = windows(100, 175, (100, 100))
    middle = (second.left + first.right) / 2
    for shift in (-2, 0, 2):  # both see the cell in the middle of their overlap, one of them shifted
        parts = [
            window.keep(make_boxes([[middle - 8 + dx - window.left, 40, middle + 8 + dx - window.left, 56]], [score]))
            for window, dx, score in ((first, 0, 0.9), (second, shift, 0.8))
        ]
        merged = merge(parts, 100, 175, 0.5)
        assert merged.xyxy.tolist() == [[middle - 8, 40, middle + 8, 56]]


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_a_cell_cut_by_a_tile_is_taken_from_the_tile_that_sees_it_whole(factor):
    truth = scale(make_boxes([[60, 10, 78, 28], [95, 40, 113, 58]]), factor, factor)
    side = round(100 * factor)
    np.testing.assert_allclose(ordered(tiled(truth, side, 2 * side, (side, side))), ordered(truth))
