from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.boxes import EMPTY, iou, make_boxes
from sissi.config import PseudoLabels
from sissi.method.pseudo_labels import View, fuse, predict_views, pseudo_labels, views
from tests.strategies import boxes

PAPER = PseudoLabels()


def test_the_paper_has_twenty_views():
    assert len(set(views(PAPER))) == 20


@given(
    boxes(width=96, height=60),
    st.sampled_from(views(PAPER)),
    st.integers(31, 200),
    st.integers(31, 200),
)
def test_every_view_is_inverted_exactly_on_any_shape(record, view, height, width):
    seen_height, seen_width = view.size(height, width)
    inside = make_boxes(record.xyxy * np.array([width / 96, height / 60] * 2, np.float32))
    x, y = seen_width / width, seen_height / height
    left, top, right, bottom = (inside.xyxy * np.array([x, y, x, y], np.float32)).T
    if view.horizontal:
        left, right = seen_width - right, seen_width - left
    if view.vertical:
        top, bottom = seen_height - bottom, seen_height - top
    seen = make_boxes(np.stack([left, top, right, bottom], axis=1))
    np.testing.assert_allclose(view.invert(seen, height, width).xyxy, inside.xyxy, atol=1e-3)


@pytest.mark.parametrize("view", views(PAPER), ids=str)
@pytest.mark.parametrize("shape", [(60, 100), (100, 60), (81, 97)])
def test_a_bright_square_found_in_any_view_comes_back_to_its_place(view, shape):
    image = np.zeros((*shape, 3), np.uint8)
    image[20:40, 10:34] = 255
    seen = view.apply(image)
    assert seen.shape[:2] == view.size(*shape)
    rows, columns = np.nonzero(seen[..., 0] > 127)
    found = make_boxes([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]])
    np.testing.assert_allclose(view.invert(found, *shape).xyxy, [[10, 20, 34, 40]], atol=1.2)


def test_the_size_of_a_view_reaches_the_predictor_in_one_batch_a_scale():
    batches = []

    def predict(images):
        batches.append([image.shape[:2] for image in images])
        return [EMPTY] * len(images)

    predict_views(predict, np.zeros((100, 160, 3), np.uint8), views(PAPER))
    assert batches == [[size] * 4 for size in [(80, 128), (90, 144), (100, 160), (110, 176), (120, 192)]]


def test_equation_1():
    per_view = [make_boxes([[10, 10, 30, 30]], [0.9]), make_boxes([[12, 11, 33, 30]], [0.6])]
    fused = fuse(per_view, 100, 100, PseudoLabels(score=0))
    weights = np.array([0.9, 0.6])
    stacked = np.array([[10, 10, 30, 30], [12, 11, 33, 30]])
    np.testing.assert_allclose(fused.xyxy[0], weights @ stacked / weights.sum(), rtol=1e-5)
    assert fused.scores[0] == pytest.approx(0.75)


def test_what_few_views_show_counts_less():
    per_view = [make_boxes([[10, 10, 30, 30]], [0.8]), EMPTY, EMPTY, EMPTY]
    assert fuse(per_view, 100, 100, PseudoLabels(score=0)).scores[0] == pytest.approx(0.2)
    assert len(fuse(per_view, 100, 100, PseudoLabels(score=0.4))) == 0


def test_cells_that_do_not_overlap_are_not_fused():
    per_view = [make_boxes([[10, 10, 30, 30], [50, 50, 70, 70]], [0.9, 0.8])] * 3
    assert len(fuse(per_view, 100, 100, PAPER)) == 2


def test_no_box_in_any_view_gives_no_label():
    assert len(fuse([EMPTY] * 20, 100, 100, PAPER)) == 0


@given(st.lists(boxes(), min_size=1, max_size=5))
def test_fused_boxes_lie_inside_the_image_with_scores_from_the_threshold_on(per_view):
    fused = fuse(per_view, 80, 100, PseudoLabels(score=0.3))
    assert (fused.xyxy >= 0).all() and (fused.xyxy <= [100, 80, 100, 80]).all()
    assert (fused.scores >= 0.3).all() and (fused.scores <= 1).all()
    assert (fused.areas > 0).all() and set(fused.labels.tolist()) <= {1}


def test_the_same_cell_in_every_view_becomes_one_confident_label():
    truth = make_boxes([[10, 20, 34, 40]], [0.9])

    def predict(images):
        found = []
        for image in images:
            rows, columns = np.nonzero(image[..., 0] > 127)
            found.append(make_boxes([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], [0.9]))
        return found

    image = np.zeros((60, 100, 3), np.uint8)
    image[20:40, 10:34] = 255
    labels = pseudo_labels(predict, image, PAPER)
    np.testing.assert_allclose(labels.xyxy, truth.xyxy, atol=0.5)
    np.testing.assert_allclose(labels.scores, [0.9], atol=1e-5)


def test_a_view_at_scale_one_without_flip_is_the_image():
    image = np.random.default_rng(0).integers(0, 255, (31, 47, 3), np.uint8)
    assert np.array_equal(View(1.0, False, False).apply(image), image)


def test_boxes_that_are_smaller_than_a_cell_can_be_are_no_labels():
    seen = make_boxes([[10, 10, 22, 15], [40, 40, 53, 45], [70, 70, 74, 83]], np.full(3, 0.9))
    fused = fuse([seen], 100, 100, PseudoLabels(score=0, smallest=13))
    assert sorted(fused.xyxy[:, 0].round().tolist()) == [40, 70]


def test_nms_keeps_the_surest_box_of_each_cell_with_its_own_score():
    per_view = [
        make_boxes([[10, 10, 30, 30]], [0.8]),
        make_boxes([[11, 10, 31, 30], [60, 60, 80, 80]], [0.9, 0.6]),
        EMPTY,
    ]
    kept = fuse(per_view, 100, 100, PseudoLabels(score=0.5, fusion="nms"))
    np.testing.assert_allclose(kept.xyxy, [[11, 10, 31, 30], [60, 60, 80, 80]])
    np.testing.assert_allclose(kept.scores, [0.9, 0.6], rtol=1e-6)  # one view of three shows the second


@given(st.lists(boxes(), min_size=1, max_size=4))
def test_nms_is_greedy_over_all_views(per_view):
    settings = PseudoLabels(score=0, fusion="nms", view_score=0.1)
    pairs = [pair for one in per_view for pair in zip(one.scores.tolist(), map(tuple, one.xyxy.tolist()), strict=True)]
    everything = sorted((pair for pair in pairs if pair[0] >= 0.1), reverse=True)
    kept: list = []
    for score, xyxy in everything:
        if all(iou(make_boxes([xyxy]), make_boxes([other]))[0, 0] <= 0.5 for _, other in kept):
            kept.append((score, xyxy))
    found = fuse(per_view, 200, 200, settings)
    if len({score for score, _ in everything}) == len(everything):  # of equal scores either may be first
        assert sorted(zip(found.scores.tolist(), map(tuple, found.xyxy.tolist()), strict=True), reverse=True) == kept


@pytest.mark.parametrize("fusion", get_args(PseudoLabels.model_fields["fusion"].annotation))
def test_every_fusion_makes_one_label_of_the_same_cell_in_every_view(fusion):
    cell = make_boxes([[10, 20, 34, 40]], [0.9])
    fused = fuse([cell] * 20, 60, 100, PseudoLabels(fusion=fusion))
    np.testing.assert_allclose(fused.xyxy, cell.xyxy, rtol=1e-5)
    np.testing.assert_allclose(fused.scores, cell.scores, rtol=1e-5)


@given(st.lists(boxes(), min_size=1, max_size=4))
def test_the_fusion_of_the_library_gives_the_labels_of_the_compiled_one(per_view):
    mine, theirs = (
        fuse(per_view, 80, 100, PseudoLabels(score=0, fusion=name)) for name in ("wbf", "weighted_boxes_fusion")
    )
    np.testing.assert_allclose(mine.xyxy, theirs.xyxy, atol=1e-3)
    np.testing.assert_allclose(mine.scores, theirs.scores, atol=1e-6)
