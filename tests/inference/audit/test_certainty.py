"""How sure detections are and how complete labels, on labels that are drawn with known probabilities."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from sissi.boxes import make_boxes
from sissi.data.sample import Sample
from sissi.inference.audit.certainty import certainty, logistic_certainty


def test_the_logistic_function_of_score_and_overlap_is_found_again():
    random = np.random.default_rng(0)
    scores, overlaps = random.uniform(0.01, 0.99, 20_000), random.uniform(0, 0.5, 20_000)
    usual, surer = 1.5 + 2 * logit(scores) - 6 * overlaps, random.normal(0, 1, len(scores))
    complete = np.where(random.random(len(scores)) < 0.5, 0.3, 0.6)
    labelled = random.random(len(scores)) < expit(usual + surer) * complete
    certain = logistic_certainty(scores, overlaps, labelled, complete, surer)
    assert expit(certain(scores, overlaps)) == pytest.approx(expit(usual), abs=0.04)


def grid(cells: int) -> np.ndarray:
    corners = np.stack(np.meshgrid(np.arange(20, 20 * (cells + 1), 20), np.arange(20, 200, 20)), -1).reshape(-1, 2)
    return np.concatenate([corners, corners + 10], axis=1).astype(np.float32)


def test_images_whose_labels_lack_more_cells_are_less_complete():
    samples, detections = [], []
    for index in range(8):
        cells = grid(9)
        kept = cells[:: 4 if index % 2 else 1]
        samples.append(Sample(f"{index}.png", Path(f"{index}.png"), 220, 220, make_boxes(kept)))
        detections.append(make_boxes(cells, np.linspace(0.7, 0.9, len(cells))))
    found = certainty(detections, samples, (110, 110))
    assert found.all.recall == pytest.approx(0.62, abs=0.08)
    means = [one.mean for one in found.images]
    assert min(means[::2]) > 0.9 and max(means[1::2]) < 0.4
    assert min(one.probabilities.min() for one in found.images) > 0.9


def test_without_enough_detections_they_are_as_sure_as_their_scores():
    sample = Sample("a.png", Path("a.png"), 100, 100, make_boxes([[0, 0, 10, 10]]))
    found = certainty([make_boxes([[0, 0, 10, 10]], [0.75])], [sample], (100, 100))
    assert found.images[0].probabilities == pytest.approx([0.75], abs=0.05) and np.isnan(found.all.recall)


def test_a_second_detection_of_a_labelled_cell_is_less_sure_than_one_by_itself():
    samples, detections = [], []
    for index in range(8):
        cells = grid(9)
        twice = cells[::3] + np.array([4, 0, 4, 0])  # an IoU of 0.43 with the label, which has its own detection
        samples.append(Sample(f"{index}.png", Path(f"{index}.png"), 220, 220, make_boxes(cells[: 60 + index])))
        detections.append(make_boxes(np.concatenate([cells, twice]), np.full(len(cells) + len(twice), 0.8)))
    found = certainty(detections, samples, (220, 220))
    cells, twice = found.images[0].probabilities[:81], found.images[0].probabilities[81:101]
    assert cells.min() > 0.7 and twice.max() < 0.3
