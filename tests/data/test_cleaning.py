"""Boxes from files are cut to their image, and what holds nothing of it is dropped and noted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.boxes import EMPTY, Boxes, iou, make_boxes, same
from sissi.data.cleaning import clean
from sissi.data.problems import Problem, Problems
from sissi.data.sample import Sample
from tests.strategies import boxes

WIDTH, HEIGHT = 100, 80
SAMPLE = Sample("a.png", Path("folder/a.png"), HEIGHT, WIDTH, EMPTY)
NAN, INF = float("nan"), float("inf")


def cleaned(some: Boxes) -> tuple[Boxes, list[Problem]]:
    problems = Problems()
    return clean(some, SAMPLE, "here", problems), problems.found


@pytest.mark.parametrize(
    ("corners", "kept", "kind"),
    [
        ([0, 0, 100, 80], [0, 0, 100, 80], None),  # the whole image, edges included
        ([99.5, 79.5, 100, 80], [99.5, 79.5, 100, 80], None),
        ([-3, 10, 20, 30], [0, 10, 20, 30], "box over the edge of the image, cut"),
        ([90, 70, 101, 300], [90, 70, 100, 80], "box over the edge of the image, cut"),
        ([10, 10, 10, 20], None, "box without width or height, dropped"),
        ([10, 20, 30, 10], None, "box without width or height, dropped"),
        ([504, 337, 504, 337], None, "box without width or height, dropped"),
        ([100, 10, 120, 20], None, "box outside the image, dropped"),
        ([10, -20, 20, 0], None, "box outside the image, dropped"),
        ([NAN, 1, 2, 3], None, "box with a coordinate that is no number, dropped"),
        ([1e300, 1, 2, 3], None, "box with a coordinate that is no number, dropped"),
        ([1, 1, INF, 3], None, "box with a coordinate that is no number, dropped"),
        ([-INF, 1, INF, NAN], None, "box with a coordinate that is no number, dropped"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_one_box(corners: list[float], kept: list[float] | None, kind: str | None) -> None:
    result, problems = cleaned(make_boxes([corners]))
    assert result.xyxy.tolist() == ([] if kept is None else [kept])
    assert [(problem.file, problem.kind) for problem in problems] == ([(SAMPLE.path, kind)] if kind else [])


def test_the_note_says_where_it_was() -> None:
    _, problems = cleaned(make_boxes([[504, 337.5, 504, 337.5]]))
    assert problems[0].detail == "here, [504, 337.5, 504, 337.5]"


def test_scores_and_labels_stay_with_their_boxes() -> None:
    many = make_boxes([[0, 0, 5, 5], [9, 9, 9, 9], [-5, 0, 5, 5]], [0.1, 0.2, 0.3], [1, 2, 3])
    result, _ = cleaned(many)
    assert result.scores.tolist() == pytest.approx([0.1, 0.3])
    assert result.labels.tolist() == [1, 3]


@given(boxes(WIDTH, HEIGHT))
def test_good_boxes_do_not_change(good: Boxes) -> None:
    result, problems = cleaned(good)
    assert same(result, good)
    assert problems == []


@given(st.lists(st.tuples(*[st.floats(-300, 300, width=32) | st.sampled_from([NAN, INF, -INF])] * 4), max_size=8))
def test_whatever_comes_what_is_left_lies_in_the_image(rows: list[tuple[float, ...]]) -> None:
    dirty = make_boxes(rows)
    result, problems = cleaned(dirty)
    assert (result.widths > 0).all()
    assert (result.heights > 0).all()
    assert (result.xyxy >= 0).all()
    assert (result.xyxy <= np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])).all()
    dropped = [problem for problem in problems if problem.kind.endswith("dropped")]
    assert len(result) + len(dropped) == len(dirty)
    again, more = cleaned(result)
    assert same(again, result)
    assert more == []


def test_a_cut_box_is_the_part_inside() -> None:
    result, _ = cleaned(make_boxes([[-10, -10, 10, 10]]))
    assert iou(result, make_boxes([[-10, -10, 10, 10]]))[0, 0] == pytest.approx(0.25)
