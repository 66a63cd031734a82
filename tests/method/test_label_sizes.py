import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.boxes import EMPTY, make_boxes, match, same
from sissi.method.label_sizes import as_large_as
from tests.strategies import boxes

INITIAL = make_boxes([[10, 10, 30, 30], [50, 40, 70, 60], [20, 60, 40, 70]])


def shrunk(labels, factor):
    """Every box about its centre."""
    centres = np.tile((labels.xyxy[:, :2] + labels.xyxy[:, 2:]) / 2, 2)
    return make_boxes(centres + factor * (labels.xyxy - centres), np.full(len(labels), 0.7))


@pytest.mark.parametrize("factor", [0.8, 0.95, 1.0, 1.2])
def test_boxes_that_are_all_too_small_or_too_large_get_their_size_back(factor):
    [given_back] = as_large_as([INITIAL], [shrunk(INITIAL, factor)], 100, 80)
    np.testing.assert_allclose(given_back.xyxy, INITIAL.xyxy, atol=1e-4)
    np.testing.assert_allclose(given_back.scores, 0.7)


def test_the_factor_is_the_median_of_all_images_and_new_cells_grow_by_it_too():
    found = [shrunk(INITIAL, 0.9), make_boxes([[40, 40, 58, 58], [5, 5, 23, 23]]), shrunk(INITIAL, 0.75)]
    initial = [INITIAL, make_boxes([[40, 40, 58, 58]]), INITIAL]  # pairs ask for 3 x 1/0.9, 1, 3 x 1/0.75
    first, second, _ = as_large_as(initial, found, 100, 80)
    np.testing.assert_allclose(first.xyxy, INITIAL.xyxy, atol=1e-4)
    np.testing.assert_allclose(second.xyxy, [[39, 39, 59, 59], [4, 4, 24, 24]], atol=1e-4)


def test_boxes_that_would_leave_the_image_are_cut_to_it():
    initial = make_boxes([[0, 0, 20, 20], [40, 40, 60, 60]])
    found = make_boxes([[40, 40, 58, 58], [0, 62, 18, 80], [82, 0, 100, 18]])
    [grown] = as_large_as([initial], [found], 100, 80)
    np.testing.assert_allclose(grown.xyxy, [[39, 39, 59, 59], [0, 61, 19, 80], [81, 0, 100, 19]], atol=1e-4)


@given(st.lists(boxes(), min_size=1, max_size=3))
def test_where_no_initial_label_is_found_nothing_changes(found):
    for one, other in zip(as_large_as([EMPTY] * len(found), found, 100, 80), found, strict=True):
        np.testing.assert_allclose(one.xyxy, other.xyxy, atol=1e-4)
        assert np.array_equal(one.scores, other.scores)
    assert same(as_large_as([INITIAL], [EMPTY], 100, 80)[0], EMPTY)


@given(boxes(most=8), boxes(most=8))
def test_pairs_have_the_initial_size_in_the_median_and_boxes_stay_inside(initial, found):
    [resized] = as_large_as([initial], [found], 100, 80)
    assert len(resized) == len(found)
    assert (resized.xyxy >= 0).all() and (resized.xyxy <= [100, 80, 100, 80]).all()
    initial, found = make_boxes(initial.xyxy + 200), make_boxes(found.xyxy + 200)  # where no border cuts
    [resized] = as_large_as([initial], [found], 1000, 1000)
    partner = match(found, initial)
    paired = np.flatnonzero(partner >= 0)
    if len(paired):
        factors = np.sqrt(initial.areas[partner[paired]] / resized.areas[paired])
        assert np.median(factors) == pytest.approx(1, abs=1e-3)
