"""Cells against the anchors and limits of a detector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sissi.boxes import EMPTY, Boxes, make_boxes
from sissi.config import Experiment
from sissi.config.load import load_experiment
from sissi.data.checks.detector_fit import cell_sizes, check_fit, reach
from sissi.data.problems import Problem, Problems
from sissi.data.sample import Sample

SAMPLE = Sample("a.png", Path("a.png"), 100, 200, EMPTY)


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    """Images are seen at 200 x 400 px; anchors are 12, 18, 26, 38: the reach is 6 to 76 px."""
    return load_experiment(Path("experiments/smoke.yaml"), ["training.image_size=[200, 400]"])


def squares(*sides: float) -> Boxes:
    return make_boxes([[0, 0, side, side] for side in sides])


def check(experiment: Experiment, *images: Boxes, **limits: Any) -> list[Problem]:
    problems = Problems()
    changed = experiment.model_copy(update={"detector": experiment.detector.model_copy(update=limits)})
    check_fit(changed, {"source_val": [(SAMPLE, boxes) for boxes in images]}, problems)
    return problems.found


def test_sizes_are_roots_of_areas_after_resizing() -> None:
    labelled = [(SAMPLE, make_boxes([[0, 0, 10, 40]])), (SAMPLE, EMPTY), (SAMPLE, squares(7))]
    np.testing.assert_allclose(cell_sizes(labelled, (100, 200)), [20, 7])
    np.testing.assert_allclose(cell_sizes(labelled, (400, 200)), [40, 14])
    assert cell_sizes([], (10, 10)).shape == (0,)


def test_the_reach_is_half_the_smallest_to_twice_the_largest_anchor(experiment: Experiment) -> None:
    assert reach(experiment.detector) == (6, 76)


def test_cells_that_fit_and_single_ones_that_do_not_are_no_problem(experiment: Experiment) -> None:
    assert check(experiment, squares(3, 38, 20)) == []  # 6, 76 and 40 px as the detector sees them
    assert check(experiment, squares(1, *[20] * 19)) == []
    assert check(experiment, EMPTY) == []
    assert check(experiment) == []


@pytest.mark.parametrize(
    ("side", "kind"),
    [
        (2.5, "data set with cells smaller than 6 px, half the smallest anchor"),
        (39, "data set with cells larger than 76 px"),
    ],
)
def test_more_than_a_twentieth_out_of_reach_is_told(experiment: Experiment, side: float, kind: str) -> None:
    (problem,) = check(experiment, squares(side, side, *[20] * 18))
    assert problem.kind.startswith(kind)
    assert problem.file == Path("source_val")
    assert problem.detail.startswith("2 of 20 at 400 x 200 px; give ")
    assert not problem.error


def test_more_cells_than_the_detector_gives(experiment: Experiment) -> None:
    found = check(experiment, squares(*[20] * 7), squares(*[20] * 9), detections_per_image=8, proposals=6)
    assert [(problem.file, problem.kind) for problem in found] == [
        (Path("a.png"), "image with more cells than detector.detections_per_image (8)"),
        (Path("a.png"), "image with more cells than detector.proposals (6)"),
    ]
    assert [problem.detail for problem in found] == [
        "source_val: 9 cells, the most of 1 such images; set it to 9 or more",
        "source_val: 9 cells, the most of 2 such images; set it to 9 or more",
    ]
