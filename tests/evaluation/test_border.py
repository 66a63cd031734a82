"""Labels at the border of the images against uniformly placed cells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.boxes import EMPTY, clip, make_boxes
from sissi.evaluation.border import VISIBLE, at_border, border_counts
from sissi.evaluation.label_trust import estimate_trust

WIDTH, HEIGHT = 400, 300


def placed(images, random, side=(15, 60), cells=80):
    """Labels of cells that are placed uniformly in a plane of which each image shows a part."""
    labels = []
    for _ in range(images):
        size = random.uniform(*side, (cells, 2))
        low = random.uniform(-100, [WIDTH + 100, HEIGHT + 100], (cells, 2))
        visible = (np.minimum(low + size, (WIDTH, HEIGHT)) - np.maximum(low, 0)) / size
        seen = (visible >= VISIBLE).all(axis=1)
        labels.append(clip(make_boxes(np.concatenate([low, low + size], axis=1)[seen]), WIDTH, HEIGHT))
    return labels


def without(labels, share, random):
    """Labels of which a share of those at the border is dropped."""
    return [boxes.take(~at_border(boxes, HEIGHT, WIDTH) | (random.random(len(boxes)) >= share)) for boxes in labels]


def test_a_cell_inside_stands_for_its_places_at_the_border():
    found, expected = border_counts(
        [make_boxes([[40, 40, 60, 70]]), make_boxes([[0, 40, 20, 70]]), EMPTY], HEIGHT, WIDTH
    )
    assert found.tolist() == [0, 1, 0]
    assert expected == pytest.approx([(400 + 20 * 0.4) * (300 + 30 * 0.4) / (376 * 266) - 1, 0, 0])


@given(st.integers(0, 2**20), st.floats(0, 0.9))
def test_uniformly_placed_cells_have_what_is_expected_at_the_border(seed, dropped):
    random = np.random.default_rng(seed)
    found, expected = border_counts(without(placed(150, random), dropped, random), HEIGHT, WIDTH)
    assert found.sum() / expected.sum() == pytest.approx(1 - dropped, abs=0.12)


def test_a_detector_that_learnt_to_leave_out_cells_at_the_border_does_not_hide_it():
    random = np.random.default_rng(0)
    labels = without(placed(100, random), 0.6, random)
    detections = [make_boxes(boxes.xyxy, random.uniform(0.5, 1, len(boxes))) for boxes in labels]
    plain, uniform = (estimate_trust(detections, labels, HEIGHT, WIDTH, uniform=one) for one in (False, True))
    assert plain.strata["border"].recall == plain.strata["inside"].recall == uniform.strata["inside"].recall == 1
    border = uniform.strata["border"]
    assert border.recall == pytest.approx(0.4, abs=0.05) and border.low < border.recall < border.high
    assert uniform.all.recall < 0.95 and plain.all.recall == 1


def test_labels_that_are_as_frequent_at_the_border_are_judged_by_detections_alone():
    random = np.random.default_rng(1)
    truth = placed(60, random)
    labels = [boxes.take(random.random(len(boxes)) < 0.5) for boxes in truth]
    detections = [make_boxes(boxes.xyxy, random.uniform(0.5, 1, len(boxes))) for boxes in truth]
    plain, uniform = (estimate_trust(detections, labels, HEIGHT, WIDTH, uniform=one) for one in (False, True))
    assert uniform.strata["border"] == plain.strata["border"]
    assert all(np.array_equal(*pair) for pair in zip(plain.probabilities, uniform.probabilities, strict=True))


def test_few_labels_at_the_border_say_nothing():
    labels = [make_boxes([[40, 40, 60, 70], [100, 100, 130, 130]])] * 30
    detections = [make_boxes(boxes.xyxy, [0.9, 0.8]) for boxes in labels]
    assert np.isnan(estimate_trust(detections, labels, HEIGHT, WIDTH, uniform=True).strata["border"].recall)
