"""Images that are there twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from sissi.boxes import EMPTY
from sissi.data.checks.duplicates import LEAK, TWICE, note_duplicates
from sissi.data.problems import Problem, Problems
from sissi.data.sample import Sample


def found(**roles: str) -> list[Problem]:
    """The problems of data sets whose images have these letters as their content."""
    problems = Problems()
    samples = {
        role: [
            Sample(f"{index}", Path(role) / f"{index}.png", 1, 1, EMPTY, None, letter.strip())
            for index, letter in enumerate(letters)
        ]
        for role, letters in roles.items()
    }
    note_duplicates(samples, problems)
    return problems.found


def test_different_images_and_images_that_nobody_decoded() -> None:
    assert found(target_train="abc", target_test="def", source_train="  ") == []


def test_twice_in_a_data_set_is_told_once_for_each_further_image() -> None:
    assert found(target_train="abaa") == [
        Problem(Path("target_train/2.png"), TWICE, "target_train; target_train has target_train/0.png"),
        Problem(Path("target_train/3.png"), TWICE, "target_train; target_train has target_train/0.png"),
    ]


@pytest.mark.parametrize(
    ("first", "second", "leaks"),
    [
        ("target_train", "target_test", True),
        ("target_train", "target_val", True),
        ("target_val", "target_test", True),
        ("target_val", "source_train", True),
        ("source_train", "source_val", True),
        ("target_train", "source_val", True),
        ("target_test", "source_val", True),
        ("target_train", "source_train", False),
    ],
)
def test_what_is_measured_on_must_not_be_elsewhere(first: str, second: str, leaks: bool) -> None:
    (problem,) = found(**{first: "ab", second: "xa"})
    assert problem.kind == (LEAK if leaks else TWICE)
    assert problem.error is leaks
    assert (problem.file, problem.detail) == (Path(second) / "1.png", f"{second}; {first} has {first}/0.png")
