"""QuPath's GeoJSON: objects of every kind and version, regions that are no cells, points."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sissi.data.classes import label_classes
from sissi.data.formats.qupath import read_labels, write_labels
from sissi.data.problems import Problems
from sissi.errors import DataError

Tree = dict[str, Any]
MEANING = {"red": "red", "white": "white", "": "red", "Tumor: Positive": "white"}


def square(left: float, top: float, side: float = 4) -> Tree:
    right, bottom = left + side, top + side
    ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
    return {"type": "Polygon", "coordinates": [ring]}


def feature(geometry: Tree | None, kind: str = "annotation", **properties: Any) -> Tree:
    return {"type": "Feature", "geometry": geometry, "properties": {"objectType": kind} | properties}


def read(
    folder: Path, content: Any, cell_size: float | None = None, **meaning: str
) -> tuple[dict[str, Any], list[str]]:
    (folder / "labels").mkdir(exist_ok=True)
    (folder / "labels" / "a.geojson").write_text(json.dumps(content))
    Image.new("L", (30, 20)).save(folder / "a.png")
    problems = Problems()
    classes = label_classes(meaning, None, cell_size)
    found = read_labels(folder / "labels", {"a.png": folder / "a.png"}, classes, problems)
    rows = {
        name: [
            (*box, score, label)
            for box, score, label in zip(b.xyxy.tolist(), b.scores.tolist(), b.labels.tolist(), strict=True)
        ]
        for name, b in found.items()
    }
    return rows, [one.kind for one in problems.found]


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one], lambda one: {"features": [one]}])
def test_a_collection_a_list_and_a_single_object(tmp_path: Path, wrap: Any) -> None:
    assert read(tmp_path, wrap(feature(square(2, 3)))) == ({"a.png": [(2, 3, 6, 7, 1, 1)]}, [])


def test_the_files_of_today_and_of_before_version_0_4(tmp_path: Path) -> None:
    today = feature(square(2, 3), classification={"name": "white"}, measurements={"score": 0.5, "Area": 16})
    several = feature(square(9, 3), "detection", classification={"names": ["Tumor", "Positive"]})
    old: Tree = {"id": "PathAnnotationObject", "geometry": square(2, 9), "type": "Feature"}
    old["properties"] = {"classification": {"name": "white"}, "measurements": [{"name": "score", "value": 0.25}]}
    found, problems = read(tmp_path, [today, several, old], **MEANING)
    assert found == {"a.png": [(2, 3, 6, 7, 0.5, 2), (9, 3, 13, 7, 1, 2), (2, 9, 6, 13, 0.25, 2)]}
    assert problems == []


def test_outlines_of_several_parts(tmp_path: Path) -> None:
    parts = [square(2, 3), square(9, 8)]
    multi = {"type": "MultiPolygon", "coordinates": [part["coordinates"] for part in parts]}
    collected = {"type": "GeometryCollection", "geometries": parts}
    found, _ = read(tmp_path, [feature(multi), feature(collected)])
    assert found == {"a.png": [(2, 3, 13, 12, 1, 1)] * 2}


def test_points_are_cells_of_the_given_size(tmp_path: Path) -> None:
    content = [
        feature({"type": "MultiPoint", "coordinates": [[10, 8], [20.5, 12]]}),
        feature({"type": "Point", "coordinates": [5, 5]}),
    ]
    assert read(tmp_path, content) == ({}, ["point without the size of a cell (cell_size), dropped"] * 2)
    boxes = [(7, 5, 13, 11, 1, 1), (17.5, 9, 23.5, 15, 1, 1), (2, 2, 8, 8, 1, 1)]
    assert read(tmp_path, content, cell_size=6) == ({"a.png": boxes}, [])


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (feature(square(2, 3), classification={"name": "Ignore*"}), "region of a class with *, to be ignored, dropped"),
        (feature(square(2, 3), "tile"), "tile, which is no cell, dropped"),
        (feature({"type": "LineString", "coordinates": [[1, 2], [3, 4]]}), "object without a box, dropped"),
        (feature(None), "object without a box, dropped"),
        ("?", "object without a box, dropped"),
    ],
)
def test_what_is_no_cell_is_noted_and_unknown_is_not_empty(tmp_path: Path, one: Any, kind: str) -> None:
    assert read(tmp_path, [one]) == ({}, [kind])
    assert read(tmp_path, [one, feature(square(9, 9))]) == ({"a.png": [(9, 9, 13, 13, 1, 1)]}, [kind])
    assert read(tmp_path, []) == ({"a.png": []}, [])


def test_the_region_in_which_cells_were_sought_is_no_cell(tmp_path: Path) -> None:
    region, drawn = feature(square(0, 0, 20)), feature(square(2, 12))
    cells = [feature(square(2, 3), "cell"), feature(square(9, 8), "cell")]
    found, problems = read(tmp_path, [region, *cells, drawn])
    assert found == {"a.png": [(2, 3, 6, 7, 1, 1), (9, 8, 13, 12, 1, 1), (2, 12, 6, 16, 1, 1)]}
    assert problems == ["annotation around detections, a region and no cell, dropped"]
    assert len(read(tmp_path, [region, drawn])[0]["a.png"]) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text", r"a\.geojson: is no GeoJSON: it holds no list of features"),
        ([feature({"type": "Polygon", "coordinates": [[[1, 2], ["x", 3]]]})], r"features\[0\]: its coordinates are no"),
        ([feature({"type": "Polygon", "coordinates": 5})], r"features\[0\]: its coordinates are no list"),
        ([feature(square(1, 2), measurements={"score": 7})], r"the measurement score is 7, not a number from 0 to 1"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_a_class_that_qupath_would_ignore_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"class 'odd\*': QuPath ignores what has a name with \* at the end; rename"):
        write_labels([], [], tmp_path, ("cell", "odd*"))
