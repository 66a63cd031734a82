import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sissi.boxes import EMPTY, Boxes, make_boxes
from sissi.evaluation.bootstrap import image_weights, matches, metrics
from sissi.evaluation.metrics import TABLE_METRICS, coco_metrics
from tests.strategies import boxes


def coco(predicted, truth):
    found = coco_metrics(predicted, truth, 300)
    return [getattr(found, name) for name in TABLE_METRICS]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(boxes(), boxes()), min_size=1, max_size=4))
def test_with_weights_of_one_the_metrics_are_coco_s(images):
    predicted, truth = zip(*images, strict=True)
    mine = metrics(matches(predicted, truth), np.ones((1, len(images)), np.int64))
    np.testing.assert_allclose(mine[0], coco(predicted, truth), rtol=0, atol=1e-9)


def noisy_images(count: int, cells: int = 130):
    """Images with more cells than COCO's limit; predictions are shaken, some are missing, some are wrong."""
    random = np.random.default_rng(3)
    for _ in range(count):
        corner = random.uniform(0, 500, (cells, 2))
        true = np.concatenate([corner, corner + random.uniform(10, 30, (cells, 2))], axis=1)
        shaken = true + random.normal(0, 2.5, true.shape)
        kept = random.uniform(size=cells) < 0.9
        yield make_boxes(shaken[kept], random.uniform(0.05, 1, kept.sum())), make_boxes(true)


def test_an_image_of_weight_k_counts_like_k_copies_of_it():
    predicted, truth = zip(*noisy_images(4), strict=True)
    weights = np.array([[2, 0, 1, 1], [0, 3, 0, 1], [1, 1, 1, 1]])
    mine = metrics(matches(predicted, truth), weights)
    for row, weight in zip(mine, weights, strict=True):
        copies = [index for index, times in enumerate(weight) for _ in range(times)]
        expected = coco([predicted[index] for index in copies], [truth[index] for index in copies])
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-9)
    assert mine[2, 0] < 1 and mine[2, 3] < 1


def test_a_resample_without_true_boxes_has_no_score_and_one_without_predictions_scores_zero():
    cell = make_boxes([[0, 0, 10, 10]])
    found = matches([cell, EMPTY], [EMPTY, cell])
    assert np.isnan(metrics(found, np.array([[2, 0]]))).all()
    assert (metrics(found, np.array([[0, 2]])) == 0).all()
    assert (metrics(matches([EMPTY], [cell]), np.array([[1]])) == 0).all()


def test_resamples_have_as_many_images_as_there_are():
    weights = image_weights(5, 400, np.random.default_rng(0))
    assert weights.shape == (400, 5) and (weights.sum(axis=1) == 5).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(5), abs=0.15)


def test_a_hit_is_a_hit_at_the_thresholds_that_its_overlap_reaches():
    truth: Boxes = make_boxes([[0, 0, 10, 10]])
    found = matches([make_boxes([[0, 0, 10, 6.1]])], [truth])
    assert found.hit[:, 0].tolist() == [True] * 3 + [False] * 7
