"""The table of cells: as written, changed in a spreadsheet, with points, with lines that are no cells."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from sissi.boxes import EMPTY, make_boxes
from sissi.data.classes import label_classes
from sissi.data.formats.cells import read_labels, write_labels
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError

HEAD = "image,class,left,top,right,bottom,score"


def read(folder: Path, *lines: str, cell_size: float | None = None) -> tuple[dict[str, list[list[float]]], list[str]]:
    (folder / "cells.csv").write_text("\n".join(lines), encoding="utf-8-sig")
    for name in ("a.png", "b.png"):
        Image.new("L", (30, 20)).save(folder / name)
    problems, images = Problems(), {name: folder / name for name in ("a.png", "b.png")}
    found = read_labels(folder / "cells.csv", images, label_classes({}, None, cell_size), problems)
    return {name: boxes.xyxy.tolist() for name, boxes in found.items()}, [one.kind for one in problems.found]


def test_a_line_a_cell(tmp_path: Path) -> None:
    samples = [Sample(name, tmp_path / name, 20, 30, EMPTY) for name in ("a.png", "b, c.png")]
    boxes = make_boxes([[1, 2.5, 3, 4], [5, 6, 7, 8]], [0.5, 1], [2, 1])
    (file,) = write_labels(samples, [boxes, EMPTY], tmp_path / "out", ("red", "white"))
    assert file.name == "cells.csv"
    assert file.read_text().splitlines() == [
        HEAD,
        "a.png,white,1,2.5,3,4,0.5",
        "a.png,red,5,6,7,8,1",
        '"b, c.png",,,,,,',
    ]


def test_the_columns_that_are_needed(tmp_path: Path) -> None:
    assert read(tmp_path, "bottom,LEFT,top,right,image", "4,1,2,3,a.png")[0] == {"a.png": [[1, 2, 3, 4]]}
    with pytest.raises(DataError, match=r"has the columns image, left; needed are image and left, top, right, bottom"):
        read(tmp_path, "image,left", "a.png,1")


def test_a_spreadsheet_with_decimal_commas(tmp_path: Path) -> None:
    found, problems = read(tmp_path, HEAD.replace(",", ";"), "a.png;cell;1,5;2;3,25;4;0,5", "b.png;;;;;;")
    assert (found, problems) == ({"a.png": [[1.5, 2, 3.25, 4]], "b.png": []}, [])


def test_points_are_cells_of_the_given_size(tmp_path: Path) -> None:
    lines = ("image,x,y", "a.png,10,8", "a.png,20.5,12")
    assert read(tmp_path, *lines) == ({}, ["point without the size of a cell (cell_size), dropped"] * 2)
    assert read(tmp_path, *lines, cell_size=6) == ({"a.png": [[7, 5, 13, 11], [17.5, 9, 23.5, 15]]}, [])


@pytest.mark.parametrize("line", ["a.png,cell,1,2,3", "a.png,cell,1,2,3,x,1", "a.png,cell,1,2,3,4,7"])
def test_lines_that_are_no_cell_are_noted_and_unknown_is_not_empty(tmp_path: Path, line: str) -> None:
    assert read(tmp_path, HEAD, line) == ({}, ["line that is no cell, dropped"])
    assert read(tmp_path, HEAD, line, "a.png,,1,2,3,4,")[0] == {"a.png": [[1, 2, 3, 4]]}


def test_an_image_that_is_not_there_is_noted(tmp_path: Path) -> None:
    assert read(tmp_path, HEAD, "c.png,cell,1,2,3,4,1") == ({}, [LABELS_WITHOUT_IMAGE])
