"""napari's CSV of shapes: the half pixel between its coordinates and ours, every shape, points."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from PIL import Image

from sissi.boxes import make_boxes
from sissi.data.classes import label_classes
from sissi.data.formats.napari import read_labels, write_labels
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError

HEAD = "index,shape-type,vertex-index,axis-0,axis-1"


def read(folder: Path, *lines: str, cell_size: float | None = None) -> tuple[dict[str, list[list[float]]], list[str]]:
    (folder / "labels").mkdir(exist_ok=True)
    (folder / "labels" / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    Image.new("L", (30, 20)).save(folder / "a.png")
    problems = Problems()
    found = read_labels(folder / "labels", {"a.png": folder / "a.png"}, label_classes({}, None, cell_size), problems)
    return {name: boxes.xyxy.tolist() for name, boxes in found.items()}, [one.kind for one in problems.found]


def shape(kind: str, *corners: tuple[float, float], index: int = 0) -> list[str]:
    return [f"{index},{kind},{vertex},{y},{x}" for vertex, (y, x) in enumerate(corners)]


def test_the_first_pixel_is_the_box_from_minus_a_half_to_a_half(tmp_path: Path) -> None:
    Image.new("L", (30, 20)).save(tmp_path / "a.png")
    sample = Sample("a.png", tmp_path / "a.png", 20, 30, make_boxes([]))
    (file,) = write_labels([sample], [make_boxes([[0, 0, 1, 1]])], tmp_path / "out")
    assert file.read_text().splitlines() == [
        f"{HEAD},class,score",
        "0,rectangle,0,-0.5,-0.5,cell,1",
        "0,rectangle,1,-0.5,0.5,cell,1",
        "0,rectangle,2,0.5,0.5,cell,1",
        "0,rectangle,3,0.5,-0.5,cell,1",
    ]


def test_shapes_as_napari_saves_them(tmp_path: Path) -> None:
    lines = [
        *shape("rectangle", (1.5, 2.5), (1.5, 7.5), (4.5, 7.5), (4.5, 2.5)),
        *shape("polygon", (1.5, 2.5), (9.5, 3.5), (4.5, 8.5), index=1),
        *shape("ellipse", (1.5, 2.5), (1.5, 7.5), (4.5, 7.5), (4.5, 2.5), index=2),
    ]
    assert read(tmp_path, HEAD, *lines) == ({"a.png": [[3, 2, 8, 5], [3, 2, 9, 10], [3, 2, 8, 5]]}, [])


def test_a_turned_circle_has_the_box_of_the_circle(tmp_path: Path) -> None:
    turned = [(9.5 + 4 * math.sin(turn), 9.5 + 4 * math.cos(turn)) for turn in (0.3, 0.3 + math.pi / 2)]
    corners = [*turned, *((19 - y, 19 - x) for y, x in turned)]
    side = 4 * math.sqrt(0.5)
    (box,) = read(tmp_path, HEAD, *shape("ellipse", *corners))[0]["a.png"]
    assert box == pytest.approx([10 - side, 10 - side, 10 + side, 10 + side], abs=1e-5)


def test_lines_are_noted_and_unknown_is_not_empty(tmp_path: Path) -> None:
    assert read(tmp_path, HEAD, *shape("line", (1, 2), (3, 4))) == ({}, ["shape without a box, dropped"])
    assert read(tmp_path, HEAD, *shape("polygon", (1, 2), (3, 4), (5, "x"))) == (
        {},
        ["shape with a line that cannot be used, dropped"],
    )
    assert read(tmp_path, HEAD) == ({"a.png": []}, [])


def test_points_are_cells_of_the_given_size(tmp_path: Path) -> None:
    lines = ("index,axis-0,axis-1", "0,7.5,9.5", "1,11.5,20")
    assert read(tmp_path, *lines) == ({}, ["point without the size of a cell (cell_size), dropped"] * 2)
    assert read(tmp_path, *lines, cell_size=6) == ({"a.png": [[7, 5, 13, 11], [17.5, 9, 23.5, 15]]}, [])


def test_planes(tmp_path: Path) -> None:
    head, lines = "index,axis-0,axis-1,axis-2", ("0,4,7.5,9.5", "1,5,7.5,9.5")
    assert read(tmp_path, head, lines[0], cell_size=6) == ({"a.png": [[7, 5, 13, 11]]}, [])
    assert read(tmp_path, head, *lines, cell_size=6)[1] == ["shapes of several planes, all used as of one"]


def test_another_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.csv: has the columns x, y; napari writes axis-0 and axis-1"):
        read(tmp_path, "x,y", "1,2")
    with pytest.raises(DataError, match=r"a\.csv: is empty; a line with the columns index, shape-type"):
        read(tmp_path)
