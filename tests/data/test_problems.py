"""Problems are collected, told in few lines, and stop where they are strict."""

from __future__ import annotations

from pathlib import Path

import pytest

from sissi.data.problems import Problem, Problems
from sissi.errors import DataError

A, B = Path("a.png"), Path("b.png")
FAULTS = {A: DataError("a.png: is empty"), B: DataError("b.png: has 5 x 6 px")}


def test_a_line_a_kind_with_the_first_files() -> None:
    problems = Problems()
    for number in range(3):
        problems.add(Path(f"{number}.png"), "box outside the image, dropped", f"box {number}")
    problems.add(A, "image without labels")
    assert problems.summary() == [
        "3 x box outside the image, dropped: 0.png (box 0); 1.png (box 1) ...",
        "1 x image without labels: a.png",
    ]
    assert problems.summary(examples=3)[0].endswith("1.png (box 1); 2.png (box 2)")


def test_strict_problems_stop_at_files_that_cannot_be_used() -> None:
    problems = Problems()
    with pytest.raises(DataError) as caught:
        problems.refuse(FAULTS, "image that cannot be used", "2 of 5 images cannot be used")
    assert str(caught.value) == "2 of 5 images cannot be used\n  a.png: is empty\n  b.png: has 5 x 6 px"
    assert problems.found == []


def test_others_note_them_as_errors() -> None:
    problems = Problems(strict=False)
    problems.refuse(FAULTS, "image that cannot be used", "")
    assert problems.found == [
        Problem(A, "image that cannot be used", "is empty", error=True),
        Problem(B, "image that cannot be used", "has 5 x 6 px", error=True),
    ]


@pytest.mark.parametrize("strict", [True, False])
def test_without_a_fault_nothing_happens(strict: bool) -> None:
    problems = Problems(strict=strict)
    problems.refuse({}, "image that cannot be used", "0 of 5 images cannot be used")
    assert problems.found == []
