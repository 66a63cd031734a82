"""Completeness of labels and probabilities of detections, on simulated cells of known truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.boxes import EMPTY, make_boxes, match
from sissi.evaluation.label_trust import LEAST, estimate_trust

SIDE = 1000
PLACES = np.stack([axis.ravel() for axis in np.meshgrid(np.arange(40, 940, 60), np.arange(40, 940, 60))], axis=1)
AT_BORDER = np.stack([np.arange(0, 960, 30), np.zeros(32)], axis=1)


def boxes_at(places, scores=None):
    return make_boxes(np.concatenate([places, places + 20], axis=1), scores)


def simulated(images, recall, sure, seed=0, border_recall=None):
    """Detections with scores in [0, 1] of which a share min(1, score / sure) are cells, and labels of these cells."""
    random = np.random.default_rng(seed)
    detections, labels, truth = [], [], []
    for _ in range(images):
        places = np.concatenate([PLACES, AT_BORDER]) if border_recall is not None else PLACES
        scores = random.random(len(places))
        cell = random.random(len(places)) < np.minimum(1, scores / sure)
        share = np.where(places[:, 1] == 0, border_recall or 0, recall)
        detections.append(boxes_at(places, scores))
        labels.append(boxes_at(places[cell & (random.random(len(places)) < share)]))
        truth.append(np.minimum(1, scores / sure))
    return detections, labels, truth


@pytest.mark.parametrize("recall", [0.2, 0.44, 0.8])
@pytest.mark.parametrize("sure", [0.3, 0.6])
def test_completeness_and_probabilities_of_simulated_cells(recall, sure):
    detections, labels, truth = simulated(100, recall, sure)
    trust = estimate_trust(detections, labels, SIDE, SIDE)
    assert trust.all.recall == pytest.approx(recall, abs=0.02)
    assert trust.all.low <= recall + 0.02 and trust.all.high >= recall - 0.02 and trust.all.high - trust.all.low < 0.1
    error = np.concatenate(trust.probabilities) - np.concatenate(truth)
    assert abs(error.mean()) < 0.02 and np.abs(error).mean() < 0.04
    assert trust.labels == sum(map(len, labels)) and trust.supported == 1


def test_cells_at_the_border_have_a_completeness_of_their_own():
    detections, labels, truth = simulated(60, 0.7, 0.5, border_recall=0.15)
    trust = estimate_trust(detections, labels, SIDE, SIDE)
    assert trust.strata["inside"].recall == pytest.approx(0.7, abs=0.02)
    assert trust.strata["border"].recall == pytest.approx(0.15, abs=0.04)
    border = np.concatenate([boxes.xyxy[:, 1] == 0 for boxes in detections])
    error = (np.concatenate(trust.probabilities) - np.concatenate(truth))[border]
    assert -0.15 < error.mean() < 0.05  # rather too careful
    cells = 0.7 * len(PLACES) + 0.15 * len(AT_BORDER)
    assert trust.all.recall == pytest.approx(cells / (len(PLACES) + len(AT_BORDER)), abs=0.03)


def test_corrected_images_show_labels_that_are_missing_by_a_rule():
    """Cells of a score below 0.6 never have a label, so the weak labels alone seem complete."""
    detections, truth, probabilities = simulated(60, 1, 0.5)
    corrected = range(0, 60, 6)
    labels = [
        true if index in corrected else true.take(match(true, found.take(found.scores >= 0.6)) >= 0)
        for index, (found, true) in enumerate(zip(detections, truth, strict=True))
    ]
    trust = estimate_trust(detections, labels, SIDE, SIDE, corrected=corrected)
    others = [index for index in range(60) if index not in corrected]
    recall = sum(len(labels[index]) for index in others) / sum(len(truth[index]) for index in others)
    assert trust.all.recall == pytest.approx(recall, abs=0.02) and trust.all.low <= recall <= trust.all.high
    assert trust.labels == sum(len(labels[index]) for index in others)
    assert np.abs(np.concatenate(trust.probabilities) - np.concatenate(probabilities)).mean() < 0.02
    assert estimate_trust(detections, labels, SIDE, SIDE).all.recall > recall + 0.1


def test_a_single_corrected_image_without_detections_changes_nothing():
    detections, labels, _ = simulated(20, 0.5, 0.5)
    detections[0] = EMPTY
    plain, one = (estimate_trust(detections, labels, SIDE, SIDE, corrected=some) for some in ((), (0,)))
    assert plain.all.recall == pytest.approx(one.all.recall, abs=0.01)
    assert all(np.array_equal(a, b) for a, b in zip(plain.probabilities, one.probabilities, strict=True))


def test_a_run_of_labels_among_the_surest_detections_is_no_plateau_where_more_are_asked_for():
    """By chance, all of the first 25 detections have a label, of the other 375 every second one."""
    places = np.stack([axis.ravel() for axis in np.meshgrid(np.arange(40, 840, 40), np.arange(40, 840, 40))], axis=1)
    labelled = np.r_[np.ones(25, bool), np.arange(375) % 2 == 0]
    detections, labels = [boxes_at(places, np.linspace(1, 0.8, 400))], [boxes_at(places[labelled])]
    assert estimate_trust(detections, labels, SIDE, SIDE).strata["inside"].recall == 1
    many = estimate_trust(detections, labels, SIDE, SIDE, least=100).strata["inside"].recall
    assert many == pytest.approx(0.53, abs=0.1)


def test_a_label_without_a_detection_is_not_confirmed():
    detections, labels, _ = simulated(10, 0.5, 0.5)
    spoilt = [make_boxes(np.concatenate([boxes.xyxy, [[2000, 2000, 2020, 2020]] * len(boxes)])) for boxes in labels]
    assert estimate_trust(detections, spoilt, SIDE, SIDE).supported == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("detections", "labels"),
    [
        ([EMPTY] * 3, [EMPTY] * 3),
        ([boxes_at(PLACES[:5], np.ones(5))], [boxes_at(PLACES[:5])]),
        ([EMPTY], [boxes_at(PLACES)]),
    ],
)
def test_what_cannot_be_estimated_is_unknown_and_not_trusted(detections, labels):
    trust = estimate_trust(detections, labels, SIDE, SIDE)
    assert np.isnan(trust.all.recall) and all(np.isnan(one.recall) for one in trust.strata.values())
    assert all((values == 0).all() for values in trust.probabilities)


def test_detections_that_find_no_label_at_all_are_not_trusted():
    trust = estimate_trust([boxes_at(PLACES, np.ones(len(PLACES)))], [EMPTY], SIDE, SIDE)
    assert (trust.probabilities[0] == 0).all() and np.isnan(trust.supported)


@given(st.integers(0, 2**20), st.integers(LEAST, 200), st.integers(1, 4))
def test_probabilities_grow_with_scores_and_lie_between_0_and_1(seed, number, images):
    random = np.random.default_rng(seed)
    detections = [boxes_at(PLACES[:number], random.random(number)) for _ in range(images)]
    labels = [boxes_at(PLACES[:number][random.random(number) < 0.5]) for _ in range(images)]
    trust = estimate_trust(detections, labels, SIDE, SIDE)
    scores, values = np.concatenate([boxes.scores for boxes in detections]), np.concatenate(trust.probabilities)
    assert ((values >= 0) & (values <= 1)).all() and (np.diff(values[np.argsort(scores)]) >= 0).all()
