"""Pascal VOC: what is read, what is noted, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image

from sissi.boxes import Boxes
from sissi.data.classes import label_classes
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE
from sissi.data.formats.voc import read_labels
from sissi.data.problems import Problem, Problems
from sissi.errors import DataError
from tests.strategies import boxes

BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
SIZE = "<size><width>30</width><height>20</height><depth>3</depth></size>"


def an_object(name: str, content: str = BOX) -> str:
    return f"<object><name>{name}</name><difficult>0</difficult>{content}</object>"


def write(folder: Path, name: str, *objects: str, size: str = SIZE) -> None:
    (folder / name).write_text(f"<annotation>{size}{''.join(objects)}</annotation>")


def read(
    folder: Path, *names: str, classes: tuple[str, ...] | None = None
) -> tuple[dict[str, list[list[float]]], list[Problem]]:
    problems = Problems()
    for name in names:
        Image.fromarray(np.zeros((20, 30), np.uint8)).save(folder / name)
    found = read_labels(folder, {name: folder / name for name in names}, label_classes({}, classes), problems)
    return {name: boxes.xyxy.tolist() for name, boxes in found.items()}, problems.found


def test_an_object_a_box_in_the_coordinates_of_the_file(tmp_path: Path) -> None:
    other = "<bndbox><ymax>8.5</ymax><xmin> 5 </xmin><xmax>7</xmax><ymin>6</ymin></bndbox>"
    write(tmp_path, "a.xml", an_object("RBC"), an_object("RBC", other))
    assert read(tmp_path, "a.jpg", "b.jpg") == ({"a.jpg": [[1, 2, 3, 4], [5, 6, 7, 8.5]]}, [])


def test_a_file_without_objects_is_an_image_without_cells(tmp_path: Path) -> None:
    write(tmp_path, "a.xml")
    assert read(tmp_path, "a.jpg") == ({"a.jpg": []}, [])


def test_only_some_classes_count(tmp_path: Path) -> None:
    write(tmp_path, "a.xml", an_object(" RBC "), an_object("Platelets"))
    write(tmp_path, "b.xml", an_object("Platelets"))
    assert read(tmp_path, "a.jpg", "b.jpg", classes=("RBC",)) == ({"a.jpg": [[1, 2, 3, 4]], "b.jpg": []}, [])


def test_a_class_that_is_in_no_file(tmp_path: Path) -> None:
    write(tmp_path, "a.xml", an_object("RBC"))
    with pytest.raises(DataError, match=f"{tmp_path}: has no class rbc; .* there is: RBC"):
        read(tmp_path, "a.jpg", classes=("rbc",))


def test_files_without_an_image_are_noted(tmp_path: Path) -> None:
    write(tmp_path, "a.xml", an_object("RBC"))
    write(tmp_path, "b.xml", an_object("RBC"))
    assert read(tmp_path, "a.jpg")[1] == [Problem(tmp_path / "b.xml", LABELS_WITHOUT_IMAGE)]


@pytest.mark.parametrize(
    "content",
    ["", "<bndbox/>", BOX.replace("<xmin>1</xmin>", ""), BOX.replace(">1<", ">one<"), BOX.replace(">1<", "><")],
    ids=["no box", "empty box", "no xmin", "a word", "nothing"],
)
def test_an_object_without_a_usable_box_is_named_and_dropped(tmp_path: Path, content: str) -> None:
    write(tmp_path, "a.xml", an_object("RBC"), an_object("RBC", content))
    found, problems = read(tmp_path, "a.jpg")
    assert found == {"a.jpg": [[1, 2, 3, 4]]}
    assert problems == [Problem(tmp_path / "a.xml", "object without a usable box, dropped", "object 2")]


def test_boxes_stay_as_the_file_gives_them(tmp_path: Path) -> None:
    odd = BOX.replace(">1<", ">nan<").replace(">3<", ">-900<")
    write(tmp_path, "a.xml", an_object("RBC", odd))
    found, problems = read(tmp_path, "a.jpg")
    np.testing.assert_array_equal(found["a.jpg"], [[np.nan, 2, -900, 4]])
    assert problems == []


@pytest.mark.parametrize("size", ["", "<size/>", "<size><width>0</width><height>0</height></size>"])
def test_a_size_that_is_not_given_is_no_problem(tmp_path: Path, size: str) -> None:
    write(tmp_path, "a.xml", an_object("RBC"), size=size)
    assert read(tmp_path, "a.jpg")[1] == []


def test_a_size_that_is_not_the_images_is_noted(tmp_path: Path) -> None:
    write(tmp_path, "a.xml", an_object("RBC"), size="<size><width>20</width><height>30</height></size>")
    found, problems = read(tmp_path, "a.jpg")
    assert found == {"a.jpg": [[1, 2, 3, 4]]}
    assert problems == [
        Problem(
            tmp_path / "a.xml",
            "image of another size than its labels say",
            f"20 x 30, {tmp_path}/a.jpg has 30 x 20",
            error=True,
        )
    ]


ENTITIES = (
    '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><annotation><object><name>&c;</name></object></annotation>'
)
EXTERNAL = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><annotation>&b;</annotation>'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (ENTITIES, "defines XML entities, which are refused"),
        (EXTERNAL, "defines XML entities, which are refused"),
        ("<annotation><object>", "cannot be read as XML: .*line 1"),
        ("", "cannot be read as XML"),
        ('<?xml version="1.0" encoding="nonsense"?><annotation/>', "cannot be read as XML"),
        ("<html/>", "is not Pascal VOC"),
    ],
    ids=["entities", "external entity", "cut off", "empty", "encoding", "html"],
)
def test_what_is_not_voc_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "a.xml").write_text(content)
    with pytest.raises(DataError, match=f"{tmp_path}/a.xml: {reason}"):
        read(tmp_path, "a.jpg")


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"no such folder: {tmp_path}/none"):
        read_labels(tmp_path / "none", {}, label_classes({}), Problems())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(boxes())
def test_what_is_written_is_read(tmp_path: Path, written: Boxes) -> None:
    corners = ("xmin", "ymin", "xmax", "ymax")
    rows = [dict(zip(corners, row, strict=True)) for row in written.xyxy.tolist()]
    contents = [f"<bndbox>{''.join(f'<{key}>{row[key]!r}</{key}>' for key in corners)}</bndbox>" for row in rows]
    write(tmp_path, "a.xml", *(an_object("cell", content) for content in contents))
    found, problems = read(tmp_path, "a.jpg")
    assert found == {"a.jpg": written.xyxy.tolist()}
    assert problems == []
