import builtins

import ensemble_boxes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.method import box_fusion
from sissi.method.library_fusions import (
    LIBRARY_FUSIONS,
    SIGMA,
    library_weighted_boxes_fusion,
    non_maximum_weighted,
    soft_nms,
)

BOX = [0.1, 0.1, 0.3, 0.3]
SIDES = st.tuples(st.integers(0, 15), st.integers(1, 16)).map(lambda pair: (pair[0] / 32, (pair[0] + pair[1]) / 32))
VIEW = st.lists(st.tuples(SIDES, SIDES, st.integers(0, 8), st.integers(1, 2)), max_size=6)
IOU, LOWEST = 0.55, 0.2


def lists(views):
    """Boxes, scores and labels of each view."""
    boxes = [[[x[0], y[0], x[1], y[1]] for x, y, _, _ in view] for view in views]
    scores = [[score / 8 for _, _, score, _ in view] for view in views]
    return boxes, scores, [[label for _, _, _, label in view] for view in views]


def rows(boxes, labels):
    """Boxes with their labels, sorted."""
    return sorted(zip(boxes.round(5).tolist(), labels.tolist(), strict=True))


@pytest.fixture(autouse=True)
def silent(monkeypatch, recwarn, capsys):
    """The library prints, warns, and ends the process, where a caller would like an error."""

    def ended(*_):
        raise AssertionError("the library ended the process")

    monkeypatch.setattr(builtins, "exit", ended, raising=False)
    yield
    assert capsys.readouterr().out == "" and not recwarn.list


@pytest.mark.parametrize("name", LIBRARY_FUSIONS)
def test_equal_boxes_of_two_views_are_one_box_above_the_threshold(name):
    xyxy, scores, labels = LIBRARY_FUSIONS[name]([[BOX], [BOX]], [[0.9], [0.8]], [[1], [1]], 0.5, 0.05)
    sure = scores >= 0.4
    np.testing.assert_allclose(xyxy[sure], [BOX], atol=1e-6)
    assert scores[sure] == pytest.approx(0.85 if name == "weighted_boxes_fusion" else 0.9) and labels[sure] == [1]


@pytest.mark.parametrize("name", LIBRARY_FUSIONS)
def test_two_cells_stay_two_and_boxes_of_other_classes_apart(name):
    far = [0.6, 0.6, 0.8, 0.8]
    xyxy, _, labels = LIBRARY_FUSIONS[name]([[BOX, far], [BOX]], [[0.9, 0.8], [0.7]], [[1, 1], [2]], 0.5, 0.05)
    assert rows(xyxy, labels) == [(BOX, 1), (BOX, 2), (far, 1)]


def test_non_maximum_weighted_weighs_by_score_and_overlap():
    shifted = [0.14, 0.1, 0.34, 0.3]  # an IoU of 2 / 3 with the box
    xyxy, scores, _ = non_maximum_weighted([[BOX], [shifted]], [[0.9], [0.6]], [[1], [1]], 0.5, 0.05)
    weights = np.array([0.9, 0.6 * 2 / 3])
    np.testing.assert_allclose(xyxy, [weights @ [BOX, shifted] / weights.sum()], atol=1e-6)
    assert scores == pytest.approx(0.9)


def test_soft_nms_lowers_the_scores_of_overlapping_boxes():
    shifted = [0.14, 0.1, 0.34, 0.3]
    xyxy, scores, _ = soft_nms([[shifted], [BOX]], [[0.6], [0.9]], [[1], [1]], 0.5, 0.05)
    np.testing.assert_allclose(xyxy, [BOX, shifted])
    np.testing.assert_allclose(scores, [0.9, 0.6 * np.exp(-((2 / 3) ** 2) / SIGMA)], rtol=1e-5)


@given(st.lists(VIEW, min_size=1, max_size=5), st.sampled_from([0.05, 0.3, 0.5]))
def test_soft_nms_keeps_what_the_library_keeps_at_every_threshold(views, threshold):
    boxes, scores, labels = lists(views)
    xyxy, lowered, classes = soft_nms(boxes, scores, labels, IOU, 0)
    flat = [
        np.concatenate([np.reshape(view, (-1, 4)) for view in boxes]),
        np.concatenate(scores),
        np.concatenate(labels),
    ]
    if not (flat[1] > 0).any() or (np.abs(lowered - threshold) < 1e-6).any():
        return  # at the threshold, rounding decides
    kept, _, kept_classes = ensemble_boxes.soft_nms(*([one] for one in flat), thresh=threshold)
    sure = lowered > threshold
    assert rows(xyxy[sure], classes[sure]) == rows(kept, kept_classes)


@given(st.lists(VIEW, min_size=1, max_size=5))
def test_the_weighted_boxes_fusion_of_the_library_is_the_compiled_one(views):
    given = *lists(views), IOU, LOWEST
    for theirs, mine in zip(
        library_weighted_boxes_fusion(*given), box_fusion.weighted_boxes_fusion(*given), strict=True
    ):
        np.testing.assert_allclose(theirs, mine, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", LIBRARY_FUSIONS)
@given(views=st.lists(VIEW, max_size=4))
def test_results_have_scores_from_high_to_low_and_lie_inside_the_image(name, views):
    xyxy, scores, labels = LIBRARY_FUSIONS[name](*lists(views), IOU, LOWEST)
    assert len(xyxy) == len(scores) == len(labels) and labels.dtype == np.int64
    assert np.isfinite(xyxy).all() and (xyxy >= 0).all() and (xyxy <= 1).all()
    assert (np.diff(scores) <= 0).all() and (scores >= 0).all() and (scores <= 1).all()


@pytest.mark.parametrize("name", LIBRARY_FUSIONS)
def test_boxes_below_the_lowest_score_and_of_none_are_not_used(name):
    for lowest, expected in ((0.5, [0.6]), (0, [0.6, 0.3])):
        _, scores, _ = LIBRARY_FUSIONS[name](
            [[BOX, [0.5, 0.5, 0.6, 0.6], [0.8, 0.8, 0.9, 0.9]]], [[0.6, 0.3, 0]], [[1, 1, 1]], 0.5, lowest
        )
        np.testing.assert_allclose(scores, expected, rtol=1e-6)


@pytest.mark.parametrize("name", LIBRARY_FUSIONS)
@pytest.mark.parametrize("scores, labels", [([[]], [[1]]), ([[0.5]], [[1, 1]]), ([[0.5], [0.5]], [[1]])])
def test_numbers_that_differ_are_an_error_and_do_not_end_the_process(name, scores, labels):
    with pytest.raises(ValueError):
        LIBRARY_FUSIONS[name]([[BOX]], scores, labels, 0.5, 0.05)
