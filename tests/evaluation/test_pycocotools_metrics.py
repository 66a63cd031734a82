import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sissi.boxes import EMPTY, make_boxes
from sissi.evaluation.metrics import coco_metrics
from sissi.evaluation.pycocotools_metrics import pycocotools_metrics
from tests.evaluation.test_metrics import pycocotools_summary
from tests.strategies import boxes

CELLS = make_boxes([[0, 0, 10, 10], [20, 20, 30, 40]])


def equal(first, second):
    np.testing.assert_array_equal(list(first.as_dict().values()), list(second.as_dict().values()))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(boxes(), boxes()), min_size=1, max_size=4), st.sampled_from([100, 300]))
def test_the_metrics_are_those_of_the_documented_steps_and_of_the_compiled_code(images, most):
    predicted, truth = zip(*images, strict=True)
    metrics = pycocotools_metrics(predicted, truth, most)
    equal(metrics, coco_metrics(predicted, truth, most))
    if any(map(len, predicted)) and any(map(len, truth)):
        values = [metrics.AP50, metrics.AP75, metrics.AP, metrics.AR]
        np.testing.assert_array_equal(values, pycocotools_summary(predicted, truth))


@pytest.mark.parametrize("most", [100, 101, 250])
def test_crowded_images_have_a_recall_beyond_a_hundred_detections(most):
    random = np.random.default_rng(0)
    low = random.uniform(0, 400, (2, 140, 2))
    truth = [make_boxes(np.concatenate([one, one + 20], axis=1)) for one in low]
    predicted = [make_boxes(one.xyxy + random.normal(0, 1, (140, 4)), random.random(140).round(1)) for one in truth]
    metrics = pycocotools_metrics(predicted, truth, most)
    equal(metrics, coco_metrics(predicted, truth, most))
    assert (metrics.AR_dense > metrics.AR) == (most > 100)


def test_nothing_is_printed(capsys):
    assert pytest.approx(1) == pycocotools_metrics([CELLS], [CELLS], 100).AP
    assert capsys.readouterr() == ("", "")


def test_no_prediction_scores_zero_and_no_truth_has_no_score():
    assert list(pycocotools_metrics([EMPTY], [CELLS], 100).as_dict().values()) == [0] * 5
    for predicted in (CELLS, EMPTY):
        assert all(map(math.isnan, pycocotools_metrics([predicted], [EMPTY], 100).as_dict().values()))


def test_a_cell_is_a_cell_whatever_its_class_unless_classes_are_asked_for():
    mixed = make_boxes(CELLS.xyxy, labels=[1, 2])
    swapped = make_boxes(CELLS.xyxy, labels=[2, 1])
    assert pytest.approx(1) == pycocotools_metrics([swapped], [mixed], 100).AR
    assert pycocotools_metrics([swapped], [mixed], 100, classes=2).AR == 0
    assert pytest.approx(1) == pycocotools_metrics([mixed], [mixed], 100, classes=3).AP


def test_a_missing_image_is_an_error():
    with pytest.raises(ValueError, match="2 images"):
        pycocotools_metrics([EMPTY, EMPTY], [EMPTY], 100)
