"""Label Studio: tasks with predictions go out, exports with corrections come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sissi.boxes import make_boxes
from sissi.data.formats.label_studio import read_labels, write_labels
from sissi.data.formats.matching import LABELS_WITHOUT_IMAGE
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError

HEIGHT, WIDTH = 20, 40
UNSEEN = "task that nobody has annotated, its prediction used"


def region(*, kind: str = "rectanglelabels", label: str = "cell", **changes: Any) -> dict[str, Any]:
    """A box of [10, 5, 20, 15] px."""
    value = {"x": 25, "y": 25, "width": 25, "height": 50, "rotation": 0, "rectanglelabels": [label]}
    size = {"original_width": WIDTH, "original_height": HEIGHT}
    return {"id": "1", "type": kind, "from_name": "label", "to_name": "image", "value": value} | size | changes


def value(**changes: Any) -> dict[str, Any]:
    return region()["value"] | changes


def task(image: Any, *regions: Any, **more: Any) -> dict[str, Any]:
    return {"id": 7, "data": {"image": image}, "annotations": [{"id": 1, "result": list(regions)}]} | more


def read(
    folder: Path, content: Any, *names: str, classes: tuple[str, ...] | None = None
) -> tuple[dict[str, list[list[float]]], list[tuple[str, str]]]:
    file = folder / "export.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    for name in names or ("a.png",):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.new("L", (WIDTH, HEIGHT)).save(folder / name)
    problems = Problems()
    found = read_labels(file, {name: folder / name for name in names or ("a.png",)}, classes, problems)
    return {n: b.xyxy.tolist() for n, b in found.items()}, [(p.kind, p.detail) for p in problems.found]


def test_an_export_has_percents_of_the_image(tmp_path: Path) -> None:
    content = [task("a.png", region()), task("b.png")]
    assert read(tmp_path, content, "a.png", "b.png", "c.png") == ({"a.png": [[10, 5, 20, 15]], "b.png": []}, [])


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/data/local-files/?d=my%20images/alive/%C3%A4%20b.png", "ä b.png"),
        ("/data/local-files/?d=alive/ä b.png", "alive/ä b.png"),
        ("/data/upload/3/0a1b2c3d-c.png", "c.png"),
        ("https://example.com/bucket/c.png?token=1", "c.png"),
        ("s3://bucket/folder/c.png", "c.png"),
    ],
)
def test_the_image_of_an_address(tmp_path: Path, address: str, name: str) -> None:
    assert read(tmp_path, [task(address, region())], name) == ({name: [[10, 5, 20, 15]]}, [])


def test_the_name_that_was_written_goes_before_the_address(tmp_path: Path) -> None:
    named = task("/data/upload/1/00000000-x.png", region()) | {"data": {"image": "x.png", "name": "dead/a.png"}}
    found, problems = read(tmp_path, [named], "alive/a.png", "dead/a.png")
    assert (found, problems) == ({"dead/a.png": [[10, 5, 20, 15]]}, [])


def test_names_without_an_image_and_names_that_climb(tmp_path: Path) -> None:
    content = [task("gone.png"), task("/data/local-files/?d=../../a.png", region())]
    found, problems = read(tmp_path, content)
    assert found == {}
    kinds = [(LABELS_WITHOUT_IMAGE, "gone.png"), ("file_name that leaves the image folder, not used", "../../a.png")]
    assert sorted(problems) == sorted(kinds)


def test_the_last_annotation_that_was_not_cancelled_counts(tmp_path: Path) -> None:
    annotations = [
        {"result": []},
        {"result": [region(), region()]},
        {"result": [region()] * 3, "was_cancelled": True},
    ]
    found, problems = read(tmp_path, [task("a.png", annotations=annotations)])
    assert len(found["a.png"]) == 2
    assert problems == [("task with several annotations, the last is used", "[0]")]


def test_predictions_count_where_nobody_has_annotated(tmp_path: Path) -> None:
    prediction = {"score": 0.5, "result": [region(score=0.25)]}
    untouched = task("a.png", annotations=[], predictions=[prediction])
    assert read(tmp_path, [untouched]) == ({"a.png": [[10, 5, 20, 15]]}, [(UNSEEN, "[0]")])
    corrected = task("a.png", predictions=[prediction])
    assert read(tmp_path, [corrected]) == ({"a.png": []}, [])


def test_only_some_labels_count(tmp_path: Path) -> None:
    content = [task("a.png", region(label="debris"), region())]
    assert len(read(tmp_path, content, classes=("cell",))[0]["a.png"]) == 1
    with pytest.raises(DataError, match=r"has no class Cell; .* there is: cell, debris"):
        read(tmp_path, content, classes=("Cell",))


def test_regions_that_are_no_rectangles(tmp_path: Path) -> None:
    content = [task("a.png", region(kind="ellipselabels"), region(kind="choices"), {"type": "relation"}, region())]
    found, problems = read(tmp_path, content)
    assert found == {"a.png": [[10, 5, 20, 15]]}
    assert problems == [("region that is no rectangle, dropped", "[0].result[0], ellipselabels")]


def test_a_rotated_rectangle_turns_around_its_corner(tmp_path: Path) -> None:
    found, problems = read(tmp_path, [task("a.png", region(value=value(rotation=90)))])
    assert found["a.png"][0] == pytest.approx([0, 5, 10, 15])
    assert problems == [("rotated rectangle, its upright extent used", "[0].result[0]")]


def test_a_size_that_is_not_the_images(tmp_path: Path) -> None:
    _, problems = read(tmp_path, [task("a.png", region(original_width=41), region(original_width=41))])
    assert problems == [("image of another size than its labels say", f"41 x 20, {tmp_path}/a.png has 40 x 20")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "cannot be read as JSON"),
        ({"images": []}, "is no list of tasks; export it from Label Studio as JSON"),
        (["a.png"], r"\[0\]\.data\.image: is missing; export as JSON, not as JSON-MIN"),
        ([{"image": "a.png", "label": []}], r"\[0\]\.data\.image: is missing"),
        ([task("a.png", region(value={"x": 1}))], r"\[0\]\.result\[0\]\.value: has no numbers x, y, width and height"),
        ([task("a.png", region(value=value(x=10**400)))], r"\[0\]\.result\[0\]\.value: has no numbers"),
        ([task("a.png", region(value=value(x=float("nan"))))], r"\[0\]\.result\[0\]\.value: has no numbers"),
        ([task("a.png", region(value=None))], r"\[0\]\.result\[0\]\.value: has no numbers"),
        ([task("a.png", region(score=2))], r"\[0\]\.result\[0\]\.score: is 2, not a number from 0 to 1"),
        ([task("a.png", region(score="high"))], r"\[0\]\.result\[0\]\.score: is 'high'"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: Any, reason: str) -> None:
    with pytest.raises(DataError, match=rf"{tmp_path}/export\.json: {reason}"):
        read(tmp_path, content)


def test_the_written_task_in_full(tmp_path: Path) -> None:
    sample = Sample("alive/ä b.png", tmp_path / "images" / "alive" / "ä b.png", HEIGHT, WIDTH, make_boxes([]))
    (file,) = write_labels([sample], [make_boxes([[10, 5, 20, 15], [0, 0, 4, 2]], [0.75, 0.5])], tmp_path / "t.json")
    written = json.loads(file.read_text())
    expected = region(id="box-1", score=0.75)
    assert written[0]["predictions"][0]["result"][0] == expected
    assert written[0]["predictions"][0]["score"] == 0.5
    assert written[0]["data"] == {
        "image": "/data/local-files/?d=images/alive/%C3%A4%20b.png",
        "name": "alive/ä b.png",
    }


def test_a_correction_comes_back(tmp_path: Path) -> None:
    Image.new("L", (WIDTH, HEIGHT)).save(tmp_path / "a.png")
    sample = Sample("a.png", tmp_path / "a.png", HEIGHT, WIDTH, make_boxes([]))
    (file,) = write_labels([sample], [make_boxes([[10, 5, 20, 15], [0, 0, 4, 2]], [0.75, 0.5])], tmp_path)
    tasks = json.loads(file.read_text())
    kept, moved = tasks[0]["predictions"][0]["result"]
    moved["value"]["width"] = 20  # what a person does: a side is dragged, and the score is gone
    del moved["score"]
    tasks[0]["annotations"] = [{"result": [kept, moved]}]
    file.write_text(json.dumps(tasks))
    found = read_labels(file, {"a.png": tmp_path / "a.png"}, None, Problems())["a.png"]
    assert found.xyxy.tolist() == [[10, 5, 20, 15], [0, 0, 8, 2]]
    assert found.scores.tolist() == [0.75, 1]
