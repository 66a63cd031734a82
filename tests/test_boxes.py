import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import box_iou, nms

from sissi.boxes import (
    EMPTY,
    Boxes,
    clip,
    concatenate,
    drop_degenerate,
    flip,
    iou,
    make_boxes,
    match,
    same,
    scale,
    suppress,
)
from tests.strategies import boxes


def test_a_record_refuses_arrays_that_do_not_belong_together():
    with pytest.raises(ValueError, match="must be"):
        Boxes(np.zeros((3, 4), np.float32), np.ones(2, np.float32), np.ones(3, np.int64))


def test_a_record_cannot_be_changed():
    record = make_boxes([[0, 0, 1, 1]])
    with pytest.raises(ValueError, match="read-only"):
        record.xyxy[0, 0] = 5


def test_making_boxes_copies():
    array = np.zeros((1, 4), np.float32)
    record = make_boxes(array)
    array[:] = 7
    assert record.xyxy.max() == 0


@given(boxes(), st.booleans(), st.booleans())
def test_flip_is_its_own_inverse(record, horizontal, vertical):
    twice = flip(
        flip(record, 100, 80, horizontal=horizontal, vertical=vertical),
        100,
        80,
        horizontal=horizontal,
        vertical=vertical,
    )
    np.testing.assert_allclose(twice.xyxy, record.xyxy, atol=1e-4)


def test_flips_on_an_image_that_is_not_square():
    record = make_boxes([[10, 20, 30, 25]])
    assert flip(record, 100, 80, horizontal=True, vertical=False).xyxy.tolist() == [[70, 20, 90, 25]]
    assert flip(record, 100, 80, horizontal=False, vertical=True).xyxy.tolist() == [[10, 55, 30, 60]]


@given(boxes(), st.floats(0.25, 4), st.floats(0.25, 4))
def test_scaling_scales_areas(record, x, y):
    np.testing.assert_allclose(scale(record, x, y).areas, record.areas * x * y, rtol=1e-2, atol=0.05)


@given(boxes(width=300, height=300))
def test_clipped_boxes_lie_inside_and_what_was_inside_stays(record):
    clipped = clip(record, 100, 80)
    assert (clipped.xyxy >= 0).all() and (clipped.xyxy <= [100, 80, 100, 80]).all()
    inside = (record.xyxy <= [100, 80, 100, 80]).all(axis=1)
    assert np.array_equal(clipped.xyxy[inside], record.xyxy[inside])


def test_a_box_outside_the_image_and_an_inverted_one_are_degenerate():
    record = clip(make_boxes([[120, 10, 140, 20], [10, 10, 20, 20], [30, 30, 25, 40]]), 100, 80)
    assert drop_degenerate(record).xyxy.tolist() == [[10, 10, 20, 20]]


@given(boxes(), boxes())
def test_iou_equals_torchvision(first, second):
    expected = box_iou(torch.from_numpy(first.xyxy.copy()), torch.from_numpy(second.xyxy.copy())).numpy()
    np.testing.assert_allclose(iou(first, second), expected, atol=1e-5)


@given(boxes(most=20), st.floats(0.1, 0.9))
def test_suppression_equals_torchvision(record, threshold):
    expected = nms(torch.from_numpy(record.xyxy.copy()), torch.from_numpy(record.scores.copy()), threshold).numpy()
    kept = suppress(record, threshold)
    if len(np.unique(record.scores)) == len(record):  # ties may be broken otherwise
        assert same(kept, record.take(np.sort(expected)))


@given(boxes(), boxes())
def test_no_true_box_is_matched_twice_and_every_match_overlaps(predicted, truth):
    found = match(predicted, truth, 0.3)
    matched = found[found >= 0]
    assert len(set(matched.tolist())) == len(matched)
    overlaps = iou(predicted, truth)
    assert all(overlaps[i, j] >= 0.3 for i, j in enumerate(found) if j >= 0)


def test_the_best_score_chooses_first():
    truth = make_boxes([[0, 0, 10, 10]])
    predicted = make_boxes([[0, 0, 10, 9], [0, 0, 10, 10]], [0.9, 0.8])
    assert match(predicted, truth).tolist() == [0, -1]


def test_concatenation_keeps_order_and_scores():
    joined = concatenate([make_boxes([[0, 0, 1, 1]], [0.5]), EMPTY, make_boxes([[2, 2, 3, 3]], [0.25])])
    assert joined.scores.tolist() == [0.5, 0.25] and len(concatenate([])) == 0
