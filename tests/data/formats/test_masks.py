"""Masks out of boxes, from which the boxes can be read again."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from sissi.boxes import Boxes, make_boxes
from sissi.data.formats.cellpose import mask_boxes
from sissi.data.formats.masks import draw_masks, ellipse
from tests.strategies import boxes


@st.composite
def apart(draw: st.DrawFn) -> list[list[float]]:
    """Boxes with any corners, each in a cell of its own of a 25 px grid in a 100 x 75 px image."""
    inside = st.lists(st.floats(0.625, 24.375, width=32), min_size=2, max_size=2).map(sorted)
    wide = inside.filter(lambda ends: ends[1] - ends[0] >= 1)
    places = draw(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 2))))
    rows = [(x, y, draw(wide), draw(wide)) for x, y in sorted(places)]
    return [[25 * x + w[0], 25 * y + h[0], 25 * x + w[1], 25 * y + h[1]] for x, y, w, h in rows]


@given(apart())
def test_boxes_apart_come_back_within_half_a_px_in_order(rows: list[list[float]]) -> None:
    found = mask_boxes(draw_masks(make_boxes(rows), 75, 100))
    assert len(found) == len(rows)
    np.testing.assert_allclose(found.xyxy, make_boxes(rows).xyxy, rtol=0, atol=0.5)


@given(st.integers(1, 40), st.integers(1, 40))
def test_an_ellipse_touches_all_sides_and_has_the_area_of_one(height: int, width: int) -> None:
    shape = ellipse(height, width)
    assert shape[0].any() and shape[-1].any() and shape[:, 0].any() and shape[:, -1].any()
    assert abs(shape.sum() - np.pi / 4 * height * width) <= height + width + 1
    _, pieces = ndimage.label(shape)
    assert pieces == 1


def test_the_smaller_lies_on_top() -> None:
    cells = draw_masks(make_boxes([[2, 2, 8, 8], [0, 0, 20, 20]]), 20, 20)
    assert cells[5, 5] == 1 and cells[10, 10] == 2
    assert mask_boxes(cells).xyxy.tolist() == [[2, 2, 8, 8], [0, 0, 20, 20]]


@given(boxes(100, 80, most=5, smallest=24))  # 5 boxes keep 20 pixels, so each side has a free one
def test_boxes_that_overlap_come_back_too(some: Boxes) -> None:
    found = mask_boxes(draw_masks(some, 80, 100))
    np.testing.assert_allclose(found.xyxy, some.xyxy, rtol=0, atol=0.5)


def test_so_many_equal_boxes_that_not_all_have_a_pixel() -> None:
    found = mask_boxes(draw_masks(make_boxes([[2, 2, 4, 4]] * 9), 20, 20))
    assert 1 <= len(found) < 9


def test_slivers_at_the_edge_keep_a_pixel() -> None:
    cells = draw_masks(make_boxes([[19.9, 0, 20, 5], [3, 9.9, 8, 10]]), 10, 20)
    assert mask_boxes(cells).xyxy.tolist() == [[19, 0, 20, 5], [3, 9, 8, 10]]
