"""Label Studio: tasks with predictions go out, exports with corrections come back."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sissi.boxes import make_boxes
from sissi.data.classes import label_classes
from sissi.data.formats.label_studio import read_labels, write_labels
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError

HEIGHT, WIDTH = 20, 40


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
    folder: Path,
    content: Any,
    *names: str,
    classes: tuple[str, ...] | None = None,
    cell_size: float | None = None,
) -> tuple[dict[str, list[list[float]]], list[tuple[str, str]]]:
    file = folder / "export.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    for name in names or ("a.png",):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.new("L", (WIDTH, HEIGHT)).save(folder / name)
    problems = Problems()
    meaning = label_classes({}, classes, cell_size)
    found = read_labels(file, {name: folder / name for name in names or ("a.png",)}, meaning, problems)
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
        ("/data/local-files/?d=my%2520images/%25C3%25A4%2520b.png", "ä b.png"),
        ("/data/upload/1/abcd1234-%25C3%25A4%2520b.png", "ä b.png"),
        ("https://example.com/my%2520images/%C3%A4%20b.png", "ä b.png"),
        ("/data/local-files/?d=images/100%25.png", "100%.png"),
        ("/data/local-files/?d=images/a%2Bb.png", "a+b.png"),
        ("/data/upload/1/abcd1234-my_image_1.png", "my image (1).png"),
        ("/data/upload/1/abcd1234-c.png", "abcd1234-c.png"),
        ("/data/upload/1/abcd1234-c.png", "c.tif"),
    ],
)
def test_the_image_of_an_address(tmp_path: Path, address: str, name: str) -> None:
    assert read(tmp_path, [task(address, region())], name) == ({name: [[10, 5, 20, 15]]}, [])


@pytest.mark.parametrize(
    "data",
    [
        {"img": "/data/upload/1/0a1b2c3d-a.png"},
        {"ocr": "s3://bucket/a.png", "patient": "c.d"},
        {"image": ["x.png"], "url": "http://host/a.png?x=1", "name": "Patient 3"},
        {"photo": "http://host/files/a"},
    ],
)
def test_the_address_of_an_image_may_have_any_key(tmp_path: Path, data: dict[str, Any]) -> None:
    assert read(tmp_path, [task("", region()) | {"data": data}]) == ({"a.png": [[10, 5, 20, 15]]}, [])


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


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"annotations": [], "predictions": [13], "total_predictions": 1}, "not annotated"),
        ({"annotations": [{"id": 6, "was_cancelled": True, "result": []}], "predictions": [12]}, "skipped"),
        ({"annotations": [], "predictions": [{"score": 0.5, "result": [region(score=0.25)]}]}, "not annotated"),
        ({"annotations": [], "predictions": [{"model_version": "sissi", "result": [region()]}]}, "not annotated"),
        ({"annotations": [], "drafts": [{"result": [region()]}]}, "not annotated"),
        ({"annotations": [5], "predictions": []}, "not annotated"),
        ({"annotations": [{"id": 5, "result": None}]}, "skipped"),
        ({"annotations": None, "completions": [{"result": [region()], "was_cancelled": True}]}, "skipped"),
        ({"annotations": None, "completions": [{"result": [], "skipped": True}]}, "skipped"),
        ({"annotations": None, "predictions": [{"model_version": "sissi", "result": [region()]}]}, "not annotated"),
    ],
)
def test_a_task_without_a_submitted_annotation_has_no_labels(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    content = [task("b.png", region()), task("a.png") | changes]
    found, problems = read(tmp_path, content, "a.png", "b.png")
    assert found == {"b.png": [[10, 5, 20, 15]]}
    assert problems == [("task without a submitted annotation, not used", f"[1], {why}")]


def test_a_submitted_annotation_without_regions_says_that_there_is_no_cell(tmp_path: Path) -> None:
    corrected = task("a.png", predictions=[{"model_version": "sissi", "result": [region(score=0.25)]}])
    assert read(tmp_path, [corrected]) == ({"a.png": []}, [])


def test_exports_of_before_version_1_have_completions(tmp_path: Path) -> None:
    old = {"id": 1, "data": {"image": "a.png"}, "completions": [{"result": [region()]}], "predictions": []}
    assert read(tmp_path, [old]) == ({"a.png": [[10, 5, 20, 15]]}, [])


def test_of_two_tasks_of_an_image_the_submitted_one_counts(tmp_path: Path) -> None:
    content = [task("/data/upload/1/0a1b2c3d-a.png", region()), task("/data/upload/1/0a1b2c3d-a.png", annotations=[])]
    assert read(tmp_path, content)[0] == {"a.png": [[10, 5, 20, 15]]}


def test_only_some_labels_count(tmp_path: Path) -> None:
    content = [task("a.png", region(label="debris"), region())]
    assert len(read(tmp_path, content, classes=("cell",))[0]["a.png"]) == 1
    with pytest.raises(DataError, match=r"has no class Cell; .* there is: cell, debris"):
        read(tmp_path, content, classes=("Cell",))


def test_regions_without_a_box_are_dropped(tmp_path: Path) -> None:
    content = [task("a.png", region(kind="keypointlabels"), region(kind="choices"), {"type": "relation"}, region())]
    found, problems = read(tmp_path, content)
    assert found == {"a.png": [[10, 5, 20, 15]]}
    assert problems == [("point without the size of a cell (cell_size), dropped", "[0].result[0], keypointlabels")]


def test_a_key_point_is_a_cell_of_the_given_size(tmp_path: Path) -> None:
    content = [task("a.png", region(kind="keypointlabels", value={"x": 25, "y": 50, "keypointlabels": ["cell"]}))]
    assert read(tmp_path, content, classes=("cell",), cell_size=6) == ({"a.png": [[7, 7, 13, 13]]}, [])


def test_a_task_with_nothing_but_regions_without_a_box_has_no_labels(tmp_path: Path) -> None:
    content = [task("a.png", region(kind="keypoint")), task("b.png", region())]
    assert read(tmp_path, content, "a.png", "b.png")[0] == {"b.png": [[10, 5, 20, 15]]}


POLYGON = {"points": [[25, 25], [50, 30], [40, 75]], "closed": True}
ELLIPSE = {"x": 37.5, "y": 50, "radiusX": 12.5, "radiusY": 25, "rotation": 0}


@pytest.mark.parametrize(("kind", "shape"), [("polygon", POLYGON), ("ellipse", ELLIPSE), ("rectangle", value())])
def test_shapes_give_their_box_and_take_their_label_from_beside_them(
    tmp_path: Path, kind: str, shape: dict[str, Any]
) -> None:
    own = region(kind=f"{kind}labels", value=shape | {f"{kind}labels": ["cell"]})
    plain = {key: one for key, one in shape.items() if key != "rectanglelabels"}
    beside = [region(kind=kind, value=plain), region(kind="labels", value=plain | {"labels": ["cell"]})]
    other = [one | {"id": "2"} for one in (beside[0], region(kind="labels", value=plain | {"labels": ["debris"]}))]
    for regions in ([own], beside, [*beside, *other], [*other, *beside[::-1]]):
        found, problems = read(tmp_path, [task("a.png", *regions)], classes=("cell",))
        assert found == {"a.png": [[10, 5, 20, 15]]}
        assert problems == []


def test_a_turned_ellipse_and_a_polygon_of_two_points(tmp_path: Path) -> None:
    found, _ = read(
        tmp_path, [task("a.png", region(kind="ellipselabels", value=ELLIPSE | {"radiusY": 10, "rotation": 90}))]
    )
    assert found["a.png"][0] == pytest.approx([13, 5, 17, 15])
    _, problems = read(tmp_path, [task("a.png", region(kind="polygon", value={"points": [[1, 2], [3, 4]]}))])
    assert problems == [("region without a box, dropped", "[0].result[0], polygon")]


def brush(mask: np.ndarray) -> list[int]:
    """A mask as Label Studio's brush writes it, run by run of its bytes."""
    values = np.repeat((mask.astype(np.uint8) * 255).ravel(), 4)
    bits = f"{values.size:032b}" + f"{7:05b}" + "".join(f"{length - 1:04b}" for length in (3, 4, 8, 16))
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), values.size]
    for start, stop in itertools.pairwise(edges):
        if stop - start < 4:  # a few words one by one
            words = "".join(f"{value:08b}" for value in values[start:stop].tolist())
            bits += f"0{0:02b}{stop - start - 1:03b}{words}"
        else:
            bits += f"1{3:02b}{stop - start - 1:016b}{values[start]:08b}"
    bits += "0" * (-len(bits) % 8)
    return [int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)]


@given(st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1), st.integers(1, WIDTH), st.integers(1, HEIGHT))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_brush_strokes_give_their_box(tmp_path: Path, left: int, top: int, width: int, height: int) -> None:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + height, left : left + width] = True
    stroke = region(kind="brushlabels", value={"format": "rle", "rle": brush(mask), "brushlabels": ["cell"]})
    expected = [left, top, min(left + width, WIDTH), min(top + height, HEIGHT)]
    assert read(tmp_path, [task("a.png", stroke)]) == ({"a.png": [expected]}, [])


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
        (["a.png"], r"\[0\]\.data: holds no address of an image; export as JSON, not as JSON-MIN"),
        ([{"image": "a.png", "label": []}], r"\[0\]\.data: holds no address"),
        ([{"data": {"text": 1}}], r"\[0\]\.data: holds no address of an image; there are text; export"),
        (
            [task("a.png", region(kind="ellipse"))],
            r"\[0\]\.result\[0\]\.value: has no numbers x, y, radiusX and radiusY",
        ),
        ([task("a.png", region(kind="polygon", value={"points": [[1]]}))], r"\[0\]\.result\[0\]\.value\.points: is no"),
        ([task("a.png", region(kind="brush", value={"rle": [0, 1]}))], r"\[0\]\.result\[0\]\.value\.rle: .* cut off"),
        ([task("a.png", region(kind="brush", value={"rle": [0] * 9}))], r"\[0\]\.result\[0\]\.value\.rle: .* of 0 by"),
        ([task("a.png", region(kind="brush", value={"rle": "x"}))], r"\[0\]\.result\[0\]\.value\.rle: is no mask"),
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
    found = read_labels(file, {"a.png": tmp_path / "a.png"}, label_classes({}), Problems())["a.png"]
    assert found.xyxy.tolist() == [[10, 5, 20, 15], [0, 0, 8, 2]]
    assert found.scores.tolist() == [0.75, 1]
