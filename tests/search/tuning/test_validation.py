import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.boxes import EMPTY, make_boxes
from sissi.search.tuning.scoring import Counts, compare, total
from sissi.search.tuning.validation import HeldOut, folds

SEEDS = st.integers(0, 5)


@given(st.lists(st.integers(0, 2), min_size=2, max_size=30).filter(lambda cells: np.count_nonzero(cells) > 1), SEEDS)
def test_each_image_is_held_out_once_and_never_fitted_to_then(cells, seed):
    images, parts = len(cells), folds(cells, seed)
    assert all(any(cells[index] for index in fitted) for fitted, _ in parts)
    assert sorted(index for _, held in parts for index in held) == list(range(images))
    assert all(sorted(fitted + held) == list(range(images)) and held and fitted for fitted, held in parts)
    assert len(parts) == min(images, 5) and parts == folds(cells, seed)


def test_counts_give_precision_recall_and_f1():
    truth = make_boxes([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]])
    labels = make_boxes([[0, 0, 10, 9], [20, 6, 30, 16]])
    one = compare(labels, truth)
    assert one == Counts(1, 2, 3)
    assert (one.precision, one.recall, one.f1) == pytest.approx((1 / 2, 1 / 3, 2 / 5))
    assert compare(EMPTY, EMPTY).f1 == 1 and np.isnan(compare(EMPTY, truth).precision)
    assert total([one, Counts(1, 1, 1)]) == Counts(2, 3, 4)


def test_the_standard_error_is_that_of_the_jackknife():
    """For the mean of values the jackknife gives s / sqrt(n); with equal sizes F1 is such a mean."""
    hits = np.array([3, 5, 6, 2, 9])
    held = HeldOut("x", tuple(Counts(int(hit), 10, 10) for hit in hits))
    assert held.error == pytest.approx((hits / 10).std(ddof=1) / np.sqrt(5))
    assert held.all.f1 == pytest.approx(hits.mean() / 10)
