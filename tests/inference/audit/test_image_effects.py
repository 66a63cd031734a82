"""How images differ, on labels that are drawn with known certainty and completeness."""

import numpy as np
import pytest
from scipy.special import expit, logit

from sissi.inference.audit.flags import missing_probability
from sissi.inference.audit.image_effects import image_effects

IMAGES, CELLS = 150, 30
USUAL = 0.5


def drawn(of_certainty: float, of_completeness: float):
    """Usual logits of detections, whether each is a cell, whether it has a label, and completeness of each image."""
    random = np.random.default_rng(1)
    complete = expit(logit(USUAL) + of_completeness * random.normal(size=IMAGES))
    logits = random.normal(1, 2, (IMAGES, CELLS))
    cells = random.random((IMAGES, CELLS)) < expit(logits + of_certainty * random.normal(size=(IMAGES, 1)))
    labelled = cells & (random.random((IMAGES, CELLS)) < complete[:, None])
    return logits, cells, labelled, complete


def found(logits, labelled):
    everything = [np.ones(CELLS, bool)] * IMAGES
    return image_effects(list(logits), list(labelled), everything, [np.full(CELLS, USUAL)] * IMAGES, USUAL)


def test_images_that_differ_by_chance_alone_are_as_usual():
    logits, _, labelled, _ = drawn(0, 0)
    effects = found(logits, labelled)
    assert [one.mean for one in effects] == pytest.approx([USUAL] * IMAGES, abs=0.07)
    assert [one.surer for one in effects] == pytest.approx([0] * IMAGES, abs=0.3)


@pytest.mark.parametrize("of_certainty", [0, 1])
def test_images_whose_labels_differ_have_their_own_completeness(of_certainty):
    logits, _, labelled, true = drawn(of_certainty, 2)
    means = np.array([one.mean for one in found(logits, labelled)])
    assert np.corrcoef(means, true)[0, 1] > 0.9 and np.abs(means - true).mean() < 0.12


@pytest.mark.parametrize("of_certainty", [0, 1.5])
@pytest.mark.parametrize("of_completeness", [0, 1, 2])
def test_of_detections_without_a_label_as_many_are_cells_as_expected(of_certainty, of_completeness):
    logits, cells, labelled, _ = drawn(of_certainty, of_completeness)
    effects = zip(found(logits, labelled), labelled, strict=True)
    expected = np.concatenate([missing_probability(one.take(np.flatnonzero(~has))) for one, has in effects])
    are_cells = cells[~labelled]
    for low in (0, 0.25, 0.5, 0.75):
        rows = (expected >= low) & (expected < low + 0.25)
        assert are_cells[rows].mean() == pytest.approx(expected[rows].mean(), abs=0.07)


def test_where_detectors_are_wrong_more_often_fewer_detections_are_taken_for_missing_cells():
    """An image whose unlabelled detections have low scores has false ones; one whose have all scores lacks labels."""
    logits = [np.linspace(-2, 5, CELLS)] * 40
    usual, full = [np.full(CELLS, 0.9)] * 40, [np.ones(CELLS, bool)] * 40
    sure = np.arange(CELLS) >= 10
    third = np.arange(CELLS) % 3 > 0
    labelled = [sure] * 20 + [third] * 20
    effects = image_effects(logits, labelled, full, usual, 0.9)
    assert effects[0].surer < effects[-1].surer
    assert effects[0].mean > 0.9 and effects[-1].mean < 0.8


def test_the_usual_completeness_differs_with_the_place():
    usual = [np.array([0.2, 0.8])]
    [one] = image_effects([np.array([3.0, 3.0])], [np.array([False, True])], [np.ones(2, bool)], usual, 0.5)
    low, high = one.of_detections
    assert low < 0.3 and high > 0.7


def test_what_is_not_clear_says_nothing():
    usual = [np.full(2, 0.5)]
    clear, unclear = (
        image_effects([np.array([1.0, 2.0])], [np.array([True, False])], [np.array([True, second])], usual, 0.5)
        for second in (True, False)
    )
    alone = image_effects([np.array([1.0])], [np.array([True])], [np.array([True])], [np.full(1, 0.5)], 0.5)
    assert unclear[0].weights == pytest.approx(alone[0].weights)
    assert clear[0].weights != pytest.approx(alone[0].weights)


def test_an_image_without_detections_is_as_usual():
    [one] = image_effects([np.zeros(0)], [np.zeros(0, bool)], [np.zeros(0, bool)], [np.zeros(0)], 0.3)
    assert one.mean == pytest.approx(0.3, abs=0.2) and one.probabilities.shape == (0,)
