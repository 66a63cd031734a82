import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.boxes import iou, make_boxes, same
from sissi.detector.one_class import join_classes
from tests.strategies import boxes

CELL = [10, 10, 30, 30]


def test_a_cell_has_one_box_of_the_likeliest_class_with_the_sum_of_the_scores():
    found = join_classes(make_boxes([CELL, [10, 10, 30, 34], [60, 60, 80, 80]], [0.5, 0.25, 0.6], [3, 1, 2]), 0.5)
    assert found.scores.tolist() == pytest.approx([0.75, 0.6]) and found.labels.tolist() == [3, 2]
    np.testing.assert_allclose(found.xyxy[0], [10, 10, 30, 30 + 4 / 3], rtol=1e-6)


def test_a_score_is_at_most_one_and_boxes_of_one_class_are_not_joined():
    both = make_boxes([CELL, CELL, CELL], [0.8, 0.7, 0.2], [1, 2, 1])
    found = join_classes(both, 0.5)
    assert found.scores.tolist() == pytest.approx([1.0, 0.2]) and found.labels.tolist() == [1, 1]


@given(boxes(100, 80))
def test_boxes_of_one_class_stay_to_the_bit(found):
    assert same(join_classes(found, 0.5), found)


@given(boxes(100, 80), st.integers(0, 2**16))
def test_every_box_comes_from_boxes_of_a_cell_and_the_surest_are_first(found, seed):
    named = make_boxes(found.xyxy, found.scores, np.random.default_rng(seed).integers(1, 4, len(found)))
    joined = join_classes(named, 0.5)
    assert len(joined) <= len(named)
    assert len(np.unique(named.labels)) < 2 or (np.diff(joined.scores) <= 0).all()
    assert joined.scores.sum() <= named.scores.sum() + 1e-4
    assert set(joined.labels.tolist()) <= set(named.labels.tolist())
    if len(named):
        assert (iou(joined, named).max(axis=1) > 0.3).all()
