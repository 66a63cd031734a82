"""Corrections take the place of labels only where a person has corrected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sissi.config import LabelFiles
from sissi.data.merge import merge
from sissi.data.problems import Problems
from sissi.errors import DataError
from tests.data.formats.label_writing import coco, image

RECTANGLE = {"x": 10, "y": 10, "width": 20, "height": 20, "rectanglelabels": ["cell"]}
DRAWN = {"id": "r", "type": "rectanglelabels", "value": RECTANGLE}


def task(name: str, **changes: Any) -> dict[str, Any]:
    address = f"/data/local-files/?d=images/{name}.png"
    return {"id": 1, "data": {"image": address}, "annotations": [], "predictions": [7]} | changes


def merged(folder: Path, tasks: list[dict[str, Any]]) -> tuple[dict[str, int], tuple[int, int], list[tuple[str, str]]]:
    """Boxes by image, how many images were corrected and are there, and what was noted of images."""
    for name in "abcd":
        image(folder / "images" / f"{name}.png")
    before = coco(folder / "before.json", **{name: [[1, 2, 3, 4], [5, 6, 7, 8]] for name in "abcd"})
    (folder / "export.json").write_text(json.dumps(tasks))
    problems = Problems()
    counts = merge(
        LabelFiles(format="coco", labels=before),
        LabelFiles(format="label_studio", labels=folder / "export.json"),
        folder / "images",
        folder / "out.json",
        problems,
    )
    tree = json.loads((folder / "out.json").read_text())
    names = {one["id"]: one["file_name"][0] for one in tree["images"]}
    found = {name: sum(names[one["image_id"]] == name for one in tree["annotations"]) for name in names.values()}
    return found, counts, [(one.kind, one.file.name) for one in problems.found if one.file.suffix == ".png"]


def test_skipped_and_untouched_tasks_take_no_boxes_away(tmp_path: Path) -> None:
    tasks = [
        task("a", annotations=[{"result": [DRAWN], "was_cancelled": False}]),
        task("b", annotations=[{"result": [], "was_cancelled": True}]),
        task("c"),
    ]
    assert merged(tmp_path, tasks) == ({"a": 1, "b": 2, "c": 2, "d": 2}, (1, 4), [])


def test_that_a_correction_takes_all_boxes_of_an_image_away_is_noted(tmp_path: Path) -> None:
    tasks = [task("a", annotations=[{"result": []}]), task("b", annotations=[{"result": [DRAWN]}])]
    found, counts, notes = merged(tmp_path, tasks)
    assert (found, counts) == ({"a": 0, "b": 1, "c": 2, "d": 2}, (2, 4))
    assert notes == [("image whose boxes the corrections take away, all of them", "a.png")]


def test_an_export_in_which_nothing_was_submitted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"export\.json: corrects none of the images .*\n  2 x task without a submitted"
    ):
        merged(tmp_path, [task("a"), task("b", annotations=[{"was_cancelled": True, "result": []}])])
