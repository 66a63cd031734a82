"""Completeness of the labels of each image, on labels that are drawn with a known one."""

import numpy as np
import pytest
from scipy.special import expit, logit

from sissi.inference.audit.completeness import image_completeness
from sissi.inference.audit.flags import missing_probability

IMAGES, CELLS = 150, 20
USUAL = 0.5


def drawn(spread: float):
    """Probabilities of detections, whether each is a cell and has a label, and the completeness of each image."""
    random = np.random.default_rng(1)
    true = expit(logit(USUAL) + spread * random.normal(size=IMAGES))
    probabilities = random.beta(2, 1, (IMAGES, CELLS))
    cells = random.random((IMAGES, CELLS)) < probabilities
    labelled = cells & (random.random((IMAGES, CELLS)) < true[:, None])
    return probabilities, cells, labelled, true


def found(probabilities, labelled):
    return image_completeness(list(probabilities), list(labelled), [np.full(CELLS, USUAL)] * IMAGES, USUAL)


def test_images_that_differ_by_chance_alone_have_the_usual_completeness():
    probabilities, _, labelled, _ = drawn(spread=0)
    assert [one.mean for one in found(probabilities, labelled)] == pytest.approx([USUAL] * IMAGES, abs=0.05)


def test_images_that_differ_have_their_own():
    probabilities, _, labelled, true = drawn(spread=2)
    means = np.array([one.mean for one in found(probabilities, labelled)])
    assert np.corrcoef(means, true)[0, 1] > 0.9 and np.abs(means - true).mean() < 0.12


@pytest.mark.parametrize("spread", [0, 1, 2])
def test_of_detections_without_a_label_as_many_are_cells_as_expected(spread):
    probabilities, cells, labelled, _ = drawn(spread)
    expected, are_cells = [], []
    for p, image, one in zip(probabilities, range(IMAGES), found(probabilities, labelled), strict=True):
        alone = ~labelled[image]
        expected.append(missing_probability(p[alone], one.of_detections[alone], one.weights))
        are_cells.append(cells[image][alone])
    expected, are_cells = np.concatenate(expected), np.concatenate(are_cells)
    for low in (0, 0.25, 0.5, 0.75):
        rows = (expected >= low) & (expected < low + 0.25)
        assert are_cells[rows].mean() == pytest.approx(expected[rows].mean(), abs=0.06)


def test_the_usual_completeness_differs_with_the_place():
    usual = [np.array([0.2, 0.8])]
    [one] = image_completeness([np.array([0.9, 0.9])], [np.array([False, True])], usual, 0.5)
    low, high = one.of_detections @ one.weights
    assert low < 0.3 and high > 0.7


def test_an_image_without_detections_has_the_usual_completeness():
    [one] = image_completeness([np.zeros(0)], [np.zeros(0, bool)], [np.zeros(0)], 0.3)
    assert one.mean == pytest.approx(0.3, abs=0.2) and one.of_detections.shape == (0, len(one.weights))
