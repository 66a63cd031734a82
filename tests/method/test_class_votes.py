import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.boxes import concatenate, make_boxes, same
from sissi.config import PseudoLabels
from sissi.method.class_votes import voted
from sissi.method.pseudo_labels import fuse
from tests.strategies import boxes

CELL = [10, 10, 30, 30]
VOTE = PseudoLabels(score=0, view_score=0)


def view(*rows):
    return make_boxes([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


def test_boxes_of_one_cell_are_one_label_of_the_heavier_class():
    found = fuse([view((CELL, 0.9, 2)), view((CELL, 0.5, 1)), view((CELL, 0.3, 1))], 50, 50, VOTE)
    assert found.labels.tolist() == [2] and found.scores == pytest.approx(np.mean([0.9, 0.5, 0.3]))
    found = fuse([view((CELL, 0.7, 2)), view((CELL, 0.5, 1)), view((CELL, 0.3, 1))], 50, 50, VOTE)
    assert found.labels.tolist() == [1]


@pytest.mark.parametrize("fusion", ["wbf", "weighted_boxes_fusion", "nms", "non_maximum_weighted"])
def test_separate_fusion_gives_a_label_of_each_class_with_lower_scores(fusion):
    views = [view((CELL, 0.9, 2)), view((CELL, 0.8, 1))]
    together = fuse(views, 50, 50, VOTE.model_copy(update={"fusion": fusion}))
    apart = fuse(views, 50, 50, VOTE.model_copy(update={"fusion": fusion, "class_fusion": "separate"}))
    assert together.labels.tolist() == [2]
    assert sorted(apart.labels.tolist()) == [1, 2]
    if fusion == "wbf":
        assert apart.scores.max() < together.scores.max()


def test_neighbours_vote_on_their_own_class_alone():
    other = [40, 10, 60, 30]
    found = fuse([view((CELL, 0.9, 1), (other, 0.9, 3))] * 3, 70, 70, VOTE)
    assert sorted(found.labels.tolist()) == [1, 3]
    assert found.labels[found.xyxy[:, 0].argmax()] == 3


@given(st.lists(boxes(100, 80), min_size=1, max_size=4), st.integers(0, 2**16))
def test_a_class_is_one_that_a_box_has(views, seed):
    random = np.random.default_rng(seed)
    named = [make_boxes(one.xyxy, one.scores, random.integers(1, 4, len(one))) for one in views]
    assert set(fuse(named, 80, 100, VOTE).labels.tolist()) <= set(concatenate(named).labels.tolist())


def test_the_classes_of_a_cell_in_a_view_are_one_cell_with_the_sum_of_their_scores():
    unsure = view((CELL, 0.5, 1), (CELL, 0.3, 2))
    found = fuse([unsure, view((CELL, 0.6, 2))], 50, 50, VOTE)
    assert found.labels.tolist() == [2] and found.scores == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("shares", "vote", "expected"),
    [((0.4, 0.5), 0.5, 1), ((0.1, 0.8), 0.5, 2), ((0.4, 0.5), 0.0, 2), ((0, 0.9), 1.0, 1)],
)
def test_an_initial_label_keeps_its_class_until_the_network_is_sure_of_another(shares, vote, expected):
    seen = view(*((CELL, share, label) for label, share in enumerate(shares, start=1) if share))
    settings = VOTE.model_copy(update={"initial_vote": vote})
    weak = make_boxes([[11, 11, 31, 31], [60, 60, 90, 90]], labels=[1, 3])
    found = fuse([seen] * 4, 100, 100, settings, weak)
    assert found.labels.tolist() == [expected] and len(found) == 1


def test_a_pseudo_label_without_an_initial_one_has_the_class_that_the_views_see():
    weak = make_boxes([[60, 60, 90, 90]], labels=[3])
    assert fuse([view((CELL, 0.5, 2))], 100, 100, VOTE, weak).labels.tolist() == [2]


def test_one_class_stays_as_it_is():
    fused = view((CELL, 0.5, 1))
    assert same(voted(fused, [view((CELL, 0.9, 1))]), fused)
