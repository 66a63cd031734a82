"""Text files of boxes: what is read, what is noted, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from sissi.boxes import Boxes
from sissi.data.classes import label_classes
from sissi.data.formats.celllab import read_labels
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE
from sissi.data.problems import Problem, Problems
from sissi.errors import DataError
from tests.strategies import boxes


def read(
    folder: Path, *names: str, classes: tuple[str, ...] | None = None
) -> tuple[dict[str, list[list[float]]], list[Problem]]:
    problems = Problems()
    found = read_labels(folder, {name: folder / name for name in names}, label_classes({}, classes), problems)
    return {name: boxes.xyxy.tolist() for name, boxes in found.items()}, problems.found


def test_a_line_a_box(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("alive 1 2 3 4\ndead 5.5 6 7 8e0\n")
    found, problems = read(tmp_path, "a.jpg", "b.jpg")
    assert found == {"a.jpg": [[1, 2, 3, 4], [5.5, 6, 7, 8]]}
    assert problems == [Problem(tmp_path, "several classes, all of which count as a cell", "alive, dead")]


def test_boxes_stay_as_the_file_gives_them(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("0 -5 -6 9999 3\n0 9 9 1 1\n0 nan 1 2 inf\n")
    found, problems = read(tmp_path, "a.jpg")
    np.testing.assert_array_equal(found["a.jpg"], [[-5, -6, 9999, 3], [9, 9, 1, 1], [np.nan, 1, 2, np.inf]])
    assert problems == []


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbf0 1 2 3 4", b"0 1 2 3 4\r\n\r\n", b"\n\n  0\t1  2 3 4  \n \n"],
    ids=["byte order mark", "Windows", "blank lines and tabs"],
)
def test_how_editors_write_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    assert read(tmp_path, "a.jpg", classes=("0",)) == ({"a.jpg": [[1, 2, 3, 4]]}, [])


def test_an_empty_file_is_an_image_without_cells(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    assert read(tmp_path, "a.jpg") == ({"a.jpg": []}, [])


@pytest.mark.parametrize(
    "line", ["0 1 2 3", "0 1 2 3 4 5", "0 1 2 three 4", "0,1,2,3,4", "x", "1 2 3 4 cell"], ids=lambda line: line
)
def test_a_line_that_is_no_box_is_named_and_dropped(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.txt").write_text(f"0 1 2 3 4\n\n{line}\n0 5 6 7 8\n")
    found, problems = read(tmp_path, "a.jpg")
    assert found == {"a.jpg": [[1, 2, 3, 4], [5, 6, 7, 8]]}
    assert problems == [Problem(tmp_path / "a.txt", "line that is no box, dropped", f"a.txt:3: {line!r}")]


def test_folders_by_category(tmp_path: Path) -> None:
    for folder in ("alive", "dead"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text(f"0 {len(folder)} 2 30 40")
    (tmp_path / "notes.txt").touch()
    found, problems = read(tmp_path, "alive/a.jpg", "dead/a.jpg")
    assert found == {"alive/a.jpg": [[5, 2, 30, 40]], "dead/a.jpg": [[4, 2, 30, 40]]}
    assert problems == [Problem(tmp_path / "notes.txt", LABELS_WITHOUT_IMAGE)]


def test_only_some_cell_types_count(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("alive 1 2 3 4\ndebris 5 6 7 8\n")
    (tmp_path / "b.txt").write_text("debris 5 6 7 8\n")
    assert read(tmp_path, "a.jpg", "b.jpg", classes=("alive",)) == ({"a.jpg": [[1, 2, 3, 4]], "b.jpg": []}, [])


def test_a_class_that_is_in_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("alive 1 2 3 4\n")
    with pytest.raises(DataError, match=f"{tmp_path}: has no class Alive; .* there is: alive"):
        read(tmp_path, "a.jpg", classes=("Alive",))
    _, problems = read(tmp_path, "a.jpg", classes=("alive", "dead"))
    assert problems == [Problem(tmp_path, "class that no label has", "dead; there are alive")]


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(DataError, match=f"{tmp_path}/a.txt: cannot be read as text"):
        read(tmp_path, "a.jpg")


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"no such folder: {tmp_path}/none"):
        read(tmp_path / "none", "a.jpg")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(boxes())
def test_what_is_written_is_read(tmp_path: Path, written: Boxes) -> None:
    lines = [f"cell {' '.join(map(repr, corners))}" for corners in written.xyxy.tolist()]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    found, problems = read(tmp_path, "a.jpg")
    assert found == {"a.jpg": written.xyxy.tolist()}
    assert problems == []
