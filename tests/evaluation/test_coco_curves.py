import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from sissi.boxes import EMPTY, make_boxes
from sissi.evaluation.coco_curves import IOUS, curves
from tests.strategies import boxes

LIMITS = [1, 10, 300]


def of_pycocotools(predicted, truth):
    """COCOeval's precision (limits, IoU, recall level) and recall (limits, IoU); its -1 as nan."""
    annotations = [
        {"image_id": image, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0], "area": 1, "score": score}
        for many in (truth, predicted)
        for image, record in enumerate(many)
        for (x0, y0, x1, y1), score in zip(record.xyxy.tolist(), record.scores.tolist(), strict=True)
    ]
    for number, one in enumerate(annotations, start=1):
        one |= {"id": number, "iscrowd": 0}
    images = [{"id": image} for image in range(len(truth))]
    sides = []
    with contextlib.redirect_stdout(io.StringIO()):
        cells = sum(map(len, truth))
        for records in (annotations[:cells], annotations[cells:]):
            sides.append(COCO())
            sides[-1].dataset = {"images": images, "categories": [{"id": 1}], "annotations": records}
            sides[-1].createIndex()
        evaluation = COCOeval(*sides, "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = LIMITS
        evaluation.evaluate()
        evaluation.accumulate()
    precision, recall = (
        np.where(array < 0, np.nan, array) for array in map(evaluation.eval.get, ("precision", "recall"))
    )
    return np.moveaxis(precision[:, :, 0, 0], -1, 0), np.moveaxis(recall[:, 0, 0], -1, 0)


def check(predicted, truth):
    for mine, expected in zip(curves(predicted, truth, LIMITS), of_pycocotools(predicted, truth), strict=True):
        np.testing.assert_array_equal(mine, expected)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(boxes(), boxes()), min_size=1, max_size=4))
def test_any_boxes_have_the_curves_of_pycocotools_bit_by_bit(images):
    check(*zip(*images, strict=True))


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(boxes(6, 6), boxes(6, 6)), min_size=1, max_size=4))
def test_boxes_with_equal_overlaps_and_scores_are_matched_as_pycocotools_does(images):
    check(*zip(*images, strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_crowded_images_have_the_curves_of_pycocotools_bit_by_bit(seed):
    random = np.random.default_rng(seed)
    predicted, truth = [], []
    for _ in range(6):
        low = random.uniform(0, 400, (random.integers(0, 150), 2))
        cells = np.concatenate([low, low + random.uniform(10, 40, low.shape)], axis=1)
        found = np.repeat(cells, 3, axis=0) + random.normal(0, 3, (3 * len(cells), 4))
        truth.append(make_boxes(cells))
        predicted.append(make_boxes(found, random.random(len(found))))
    check(predicted, truth)


def test_other_thresholds_give_the_same_rows():
    truth = [make_boxes([[0, 0, 10, 10], [20, 20, 30, 40]])]
    predicted = [make_boxes([[0, 0, 10, 8], [20, 20, 30, 33]], [0.9, 0.8])]
    whole, _ = curves(predicted, truth, [100])
    for row, iou in enumerate(IOUS):
        np.testing.assert_array_equal(curves(predicted, truth, [100], np.array([iou]))[0][0], whole[0, row : row + 1])


def test_without_true_boxes_nothing_is_defined():
    precision, recall = curves([make_boxes([[0, 0, 5, 5]])], [EMPTY], [100])
    assert np.isnan(precision).all() and np.isnan(recall).all()
