import numpy as np
import pytest
from hypothesis import given

from sissi.boxes import EMPTY, concatenate, iou, make_boxes, same
from sissi.config import PseudoLabels
from sissi.method.label_merging import confirmed, next_labels
from tests.strategies import boxes

THREE = make_boxes([[0, 0, 9, 9], [10, 10, 19, 19], [20, 20, 29, 29]])
EIGHT = make_boxes([[k * 5, 0, k * 5 + 4, 9] for k in range(8)], np.linspace(0.5, 0.9, 8))


def test_three_labels_can_become_eight_with_their_own_scores_and_classes():
    labels, taking_part = next_labels([THREE], [THREE], [EIGHT], PseudoLabels())
    assert same(labels[0], EIGHT) and len(labels[0].labels) == 8 and taking_part == [0]


def test_an_image_without_labels_can_gain_some():
    labels, _ = next_labels([EMPTY], [EMPTY], [EIGHT], PseudoLabels())
    assert len(labels[0]) == 8


@pytest.mark.parametrize(
    ("rule", "left", "taking_part"), [("keep", THREE, [0, 1]), ("clear", EMPTY, [0, 1]), ("drop", EMPTY, [1])]
)
def test_what_happens_where_nothing_is_found(rule, left, taking_part):
    labels, part = next_labels([THREE] * 2, [THREE] * 2, [EMPTY, EIGHT], PseudoLabels(on_empty=rule))
    assert same(labels[0], left) and same(labels[1], EIGHT) and part == taking_part


def test_if_nothing_is_found_anywhere_training_goes_on_with_all_images():
    assert next_labels([THREE], [THREE], [EMPTY], PseudoLabels(on_empty="drop"))[1] == [0]


def merged(weak, found, merge):
    return next_labels([weak], [weak], [found], PseudoLabels(merge=merge, on_empty="clear"))[0][0]


def test_added_labels_stay_clear_of_the_initial_ones():
    found = make_boxes([[1, 1, 10, 10], [40, 40, 49, 49]], [0.9, 0.6])
    labels = merged(THREE, found, "add")
    np.testing.assert_array_equal(labels.xyxy, [*THREE.xyxy, found.xyxy[1]])
    np.testing.assert_allclose(labels.scores, [1, 1, 1, 0.6])


@given(boxes(), boxes())
def test_adding_keeps_every_initial_label_and_refining_drops_the_unconfirmed(weak, found):
    added, refined = merged(weak, found, "add"), merged(weak, found, "refine")
    assert same(added.take(slice(len(weak))), weak)
    new = added.take(slice(len(weak), None))
    assert not len(new) or not len(weak) or iou(new, weak).max() <= 0.5
    assert len(refined) == len(found) and np.array_equal(refined.scores, found.scores)


def test_a_refined_label_lies_between_both_by_their_scores():
    weak = make_boxes([[10, 10, 20, 20], [50, 50, 60, 60]])
    found = make_boxes([[12, 10, 22, 20], [80, 80, 90, 90]], [0.5, 0.8])
    labels = merged(weak, found, "refine")
    np.testing.assert_allclose(labels.xyxy, [[32 / 3, 10, 62 / 3, 20], [80, 80, 90, 90]], rtol=1e-6)


def test_an_initial_label_that_no_box_confirms_goes():
    found = make_boxes([[1, 0, 9, 9], [10, 10, 19, 19], [20, 20, 29, 24]], [0.05, 0.1, 0.9])  # the last is half of it
    left = confirmed([THREE], [found], PseudoLabels(merge="add", confirm=0.1))[0]
    assert same(left, THREE.take([1]))


@given(boxes(), boxes())
def test_confirmation_keeps_labels_that_were_found_and_all_if_it_is_left_out(weak, found):
    kept, everything = (
        confirmed([weak], [found], PseudoLabels(merge="add", confirm=score))[0] for score in (0.3, None)
    )
    assert same(everything, weak)
    sure = found.take(found.scores >= 0.3)
    overlaps = iou(weak, sure).max(axis=1, initial=0)
    assert len(kept) == (overlaps > 0.5).sum() and all(iou(kept, sure).max(axis=1, initial=0) > 0.5)


def test_only_labels_that_would_stay_can_need_confirmation():
    with pytest.raises(ValueError, match="confirm: needs merge: add"):
        PseudoLabels(merge="refine", confirm=0.1)


CLUMP = make_boxes([[0, 0, 40, 20]])
LEFT, RIGHT = [0.0, 0, 19, 20], [21.0, 0, 40, 20]


def test_a_label_around_two_cells_is_split():
    split = merged(CLUMP, make_boxes([LEFT, RIGHT], [0.9, 0.8]), "split")
    assert same(split, make_boxes([LEFT, RIGHT], [0.9, 0.8]))
    assert len(merged(CLUMP, make_boxes([LEFT, RIGHT], [0.9, 0.8]), "add")) == 3


def test_a_part_of_a_labelled_cell_is_no_cell_of_its_own():
    assert same(merged(CLUMP, make_boxes([LEFT], [0.9]), "split"), CLUMP)


def test_split_adds_cells_beside_labels_and_keeps_matched_labels():
    beside = make_boxes([[50, 50, 60, 60]], [0.7])
    found = make_boxes([[1, 0, 40, 20], [50, 50, 60, 60]], [0.9, 0.7])
    assert same(merged(CLUMP, found, "split"), concatenate([CLUMP, beside]))


@given(boxes(), boxes())
def test_split_keeps_or_replaces_each_label(weak, pseudo):
    labels = merged(weak, pseudo, "split")
    kept = {tuple(box) for box in weak.xyxy.tolist()} | {tuple(box) for box in pseudo.xyxy.tolist()}
    assert {tuple(box) for box in labels.xyxy.tolist()} <= kept
    assert len(labels) >= len(weak) or len(pseudo) >= 2
