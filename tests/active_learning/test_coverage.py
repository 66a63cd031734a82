import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sissi.active_learning.coverage import representatives


def test_the_first_is_typical_and_each_further_one_stands_for_others():
    sizes = np.array([[10, 11, 12, 50, 51, 52, 90, 91, 92]], float).T
    first = representatives(sizes, np.ones(9), 3)
    assert first[0] == 4 and sorted(index // 3 for index in first) == [0, 1, 2]


def test_what_weighs_more_comes_first():
    assert representatives(np.arange(5.0)[:, None], np.array([1, 1, 1, 1, 9.0]), 1) == [4]


def test_neither_units_nor_an_unknown_value_matter():
    features = np.random.default_rng(0).normal(size=(20, 2))
    other = np.column_stack((features[:, 0] * 1000 + 7, np.exp(features[:, 1])))
    assert representatives(features, np.ones(20), 5) == representatives(other, np.ones(20), 5)
    features[3, 0] = np.nan
    assert len(representatives(features, np.ones(20), 5)) == 5


@given(
    hnp.arrays(float, st.tuples(st.integers(1, 9), st.integers(1, 3)), elements=st.floats(-5, 5)), st.integers(1, 12)
)
def test_each_image_is_chosen_once_and_a_longer_list_begins_with_a_shorter(features, count):
    chosen = representatives(features, np.ones(len(features)), count)
    assert len(set(chosen)) == len(chosen) == min(count, len(features))
    assert (
        representatives(features, np.ones(len(features)), max(1, count - 1))
        == chosen[: max(1, min(count - 1, len(features)))]
    )


def test_one_image_of_cells_that_nobody_knows_is_chosen():
    assert representatives(np.array([[np.nan]]), np.ones(1), 3) == [0]
    assert representatives(np.array([[np.nan], [1.0]]), np.zeros(2), 3) == pytest.approx([0, 1])
