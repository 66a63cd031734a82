import contextlib
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from sissi.boxes import EMPTY, make_boxes
from sissi.evaluation.label_quality import label_quality
from sissi.evaluation.metrics import ap50, coco_metrics
from tests.strategies import boxes


def pycocotools_summary(predicted, truth):
    """stats[0], [1], [2] and [8] of COCOeval.summarize, set up as its documentation says."""

    def annotations(many, extra):
        return [
            {"image_id": i, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)} | more
            for i, record in enumerate(many)
            for (x0, y0, x1, y1), more in zip(record.xyxy.astype(float).tolist(), extra(record), strict=True)
        ]

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        true = annotations(truth, lambda record: [{"iscrowd": 0}] * len(record))
        coco.dataset = {
            "info": {},
            "images": [{"id": i} for i in range(len(truth))],
            "categories": [{"id": 1, "name": "cell"}],
            "annotations": [one | {"id": k + 1} for k, one in enumerate(true)],
        }
        coco.createIndex()
        found = coco.loadRes(annotations(predicted, lambda record: [{"score": s} for s in record.scores.tolist()]))
        evaluation = COCOeval(coco, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [evaluation.stats[k] for k in (1, 2, 0, 8)]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(boxes(), boxes()), min_size=1, max_size=4))
def test_the_metrics_are_those_of_pycocotools(images):
    predicted, truth = zip(*images, strict=True)
    if not any(map(len, predicted)) or not any(map(len, truth)):
        return
    metrics = coco_metrics(predicted, truth, 300)
    np.testing.assert_array_equal(
        [metrics.AP50, metrics.AP75, metrics.AP, metrics.AR], pycocotools_summary(predicted, truth)
    )
    assert ap50(predicted, truth) == metrics.AP50


def test_perfect_predictions_score_one():
    truth = [make_boxes([[0, 0, 10, 10], [20, 20, 30, 40]]), make_boxes([[5, 5, 25, 25]])]
    metrics = coco_metrics(truth, truth, 100)
    assert list(metrics.as_dict().values()) == pytest.approx([1.0] * 5)


def test_a_box_with_iou_0_6_counts_at_the_three_lowest_thresholds():
    metrics = coco_metrics([make_boxes([[0, 0, 10, 6.1]], [0.9])], [make_boxes([[0, 0, 10, 10]])], 100)
    assert (pytest.approx(1), 0) == (metrics.AP50, metrics.AP75)
    assert pytest.approx(0.3) == metrics.AP and pytest.approx(0.3) == metrics.AR


def test_dense_recall_is_not_cut_off_at_a_hundred_cells():
    left, top = np.meshgrid(np.arange(15) * 10.0, np.arange(10) * 10.0)
    cells = make_boxes(np.stack([left, top, left + 8, top + 8], axis=-1).reshape(-1, 4))
    metrics = coco_metrics([cells], [cells], 300)
    assert pytest.approx(100 / 150) == metrics.AR and metrics.AR_dense == pytest.approx(1)


def test_no_prediction_scores_zero_and_no_truth_has_no_score():
    truth = [make_boxes([[0, 0, 10, 10]])]
    assert coco_metrics([EMPTY], truth, 100).AP == 0
    assert ap50([EMPTY], truth) == 0
    assert math.isnan(coco_metrics(truth, [EMPTY], 100).AP)


def test_a_missing_image_is_an_error():
    with pytest.raises(ValueError, match="2 images"):
        coco_metrics([EMPTY, EMPTY], [EMPTY], 100)


def test_label_quality_counts_only_images_with_a_truth():
    labels = [make_boxes([[0, 0, 10, 10], [50, 50, 60, 60]]), make_boxes([[0, 0, 5, 5]])]
    truth = [make_boxes([[0, 0, 10, 9], [20, 20, 30, 30], [40, 40, 45, 45]]), None]
    quality = label_quality(labels, truth)
    assert (quality.precision, quality.recall, quality.labels) == (0.5, pytest.approx(1 / 3), 2)
    assert (quality.cells, quality.mean_iou) == (3, pytest.approx(0.9))
    assert quality.f1 == pytest.approx(2 / 5)


def test_the_size_of_labels_is_their_area_over_that_of_their_cells():
    cells = make_boxes([[0, 0, 10, 10], [20, 0, 40, 10], [60, 0, 70, 10]])
    labels = make_boxes([[0, 0, 10, 8], [20, 0, 40, 9], [60, 0, 63, 10], [90, 0, 99, 9]])  # the third misses, at 0.3
    quality = label_quality([labels], [cells])
    assert (quality.size, quality.mean_iou) == (pytest.approx(0.85), pytest.approx(0.85))
    assert math.isnan(label_quality([EMPTY], [cells]).size)


def test_label_quality_without_labels_or_without_cells():
    assert math.isnan(label_quality([EMPTY], [make_boxes([[0, 0, 1, 1]])]).precision)
    assert math.isnan(label_quality([make_boxes([[0, 0, 1, 1]])], [EMPTY]).recall)
    assert math.isnan(label_quality([EMPTY], [EMPTY]).f1) and math.isnan(label_quality([EMPTY], [EMPTY]).mean_iou)
    assert label_quality([EMPTY], [make_boxes([[0, 0, 1, 1]])]).f1 == 0
