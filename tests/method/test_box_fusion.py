import warnings

import ensemble_boxes
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sissi.method.box_fusion import weighted_boxes_fusion


def compare(boxes, scores, labels, iou=0.5, lowest=0.05):
    """Ours against the library's on the same input."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = ensemble_boxes.weighted_boxes_fusion(boxes, scores, labels, iou_thr=iou, skip_box_thr=lowest)
    ours = weighted_boxes_fusion(boxes, scores, labels, iou, lowest)
    for mine, expected in zip(ours, theirs, strict=True):
        assert mine.shape == expected.shape
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-6)
    return ours


def jittered_views(random, cells=30, most_views=8, classes=2):
    """Views of the same cells, each shifted a little, some missing, some beyond the image, some found twice."""
    centres, sides = random.random((cells, 2)), random.uniform(0.02, 0.2, (cells, 2))
    drawn = []
    for _ in range(random.integers(1, most_views + 1)):
        seen = random.integers(0, cells, random.integers(0, cells + 1))
        low = centres[seen] - sides[seen] / 2 + random.normal(0, 0.01, (len(seen), 2))
        xyxy = np.concatenate([low, low + sides[seen]], axis=1)
        drawn.append((xyxy, random.random(len(seen)).astype(np.float32), random.integers(1, classes + 1, len(seen))))
    return map(list, zip(*drawn, strict=True))


@pytest.mark.parametrize("block", range(10))
def test_a_thousand_random_images_are_fused_as_the_library_does(block):
    random = np.random.default_rng(block)
    for _ in range(100):
        compare(*jittered_views(random), iou=random.uniform(0.1, 0.9), lowest=random.choice([0.0, 0.05, 0.5]))


COORDINATE = st.integers(-2, 10).map(lambda value: value / 8)
"""On a coarse grid boxes touch, coincide, lie on the border, stand on their head and lose their area."""
BOX = st.tuples(st.lists(COORDINATE, min_size=4, max_size=4), st.integers(1, 8), st.integers(0, 2))


SQUARE, BOTH = [0, 0, 0.125, 0.125], [0, 0, 0.25, 0.125]
EQUAL_BUT_FOR_ROUNDING = [
    [],
    [],
    [([0, 0.125, 0.125, 0.25], 1, 0), (SQUARE, 1, 1)],
    [(SQUARE, 5, 0), (SQUARE, 7, 0), ([0.125, 0, 0.25, 0.125], 8, 0), (BOTH, 1, 0)],
    [(BOTH, 3, 0)],
]
"""Two clusters with the score 0.3, if it is computed in the library's order; else one of them is ahead."""


@settings(deadline=None, max_examples=1000)
@example(EQUAL_BUT_FOR_ROUNDING, 0.0)
@given(st.lists(st.lists(BOX, max_size=6), min_size=1, max_size=5), st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0]))
def test_degenerate_boxes_are_fused_as_the_library_does(views, iou):
    boxes = [np.array([box for box, _, _ in view]).reshape(-1, 4) for view in views]
    scores = [np.array([score / 8 for _, score, _ in view]) for view in views]
    labels = [np.array([label for _, _, label in view], np.int64) for view in views]
    compare(boxes, scores, labels, iou, lowest=0.125)


def test_scores_that_tie_after_rounding_keep_the_order_of_the_library():
    small = [0.0, 0.0, 0.125, 0.125]
    views = [[], [], [], [(small, 3, 0), (small, 1, 1)], [(small, 1, 1), (small, 1, 1)]]
    boxes, scores, labels = ([np.array([one[k] for one in view]) for view in views] for k in range(3))
    compare([one.reshape(-1, 4) for one in boxes], [one / 8 for one in scores], labels, iou=0.0, lowest=0.1)


def test_the_order_of_equal_scores_is_that_of_the_library():
    random = np.random.default_rng(0)
    low = random.random((400, 2)) * 0.9
    compare([np.concatenate([low, low + 0.08], axis=1)], [np.full(400, 0.5)], [np.ones(400, np.int64)], iou=0.3)


@pytest.mark.parametrize("views", [[], [np.zeros((0, 4))] * 3], ids=["no view", "empty views"])
def test_nothing_is_fused_to_nothing(views):
    xyxy, scores, labels = compare(views, [np.zeros(0)] * len(views), [np.zeros(0)] * len(views))
    assert xyxy.shape == (0, 4) and len(scores) == len(labels) == 0


def test_boxes_without_any_confidence_stay_finite():
    """The library divides zero by zero here."""
    box = np.array([[0.1, 0.1, 0.3, 0.3]])
    xyxy, scores, _ = weighted_boxes_fusion([box, box], [np.zeros(1)] * 2, [np.ones(1)] * 2, 0.5, 0.0)
    np.testing.assert_array_equal(xyxy, box)
    assert scores.tolist() == [0]
