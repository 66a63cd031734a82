"""COCO files: what is read, what is noted, what is refused, and that what is written is read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools.mask import frPyObjects

from sissi.boxes import EMPTY, Boxes, make_boxes, same
from sissi.data.classes import label_classes
from sissi.data.formats.coco import read_labels, to_coco
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE
from sissi.data.formats.outlines import coco_counts
from sissi.data.problems import Problems
from sissi.errors import DataError
from tests.strategies import boxes

Tree = dict[str, Any]


def annotation(**changes: Any) -> Tree:
    return {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]} | changes


def tree(*annotations: Tree, names: tuple[str, ...] = ("a.jpg",), **changes: Any) -> Tree:
    """A file with images 1, 2, ... of these names."""
    return {
        "images": [{"id": index, "file_name": name} for index, name in enumerate(names, start=1)],
        "annotations": list(annotations),
        "categories": [{"id": 1, "name": "cell"}, {"id": 2, "name": "debris"}],
    } | changes


def read(
    folder: Path, content: Any, *names: str, classes: tuple[str, ...] | None = None
) -> tuple[dict[str, list[list[float]]], list[tuple[str, str]]]:
    """Boxes of images of these names, and kind and detail of the problems."""
    file = folder / "labels.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    problems = Problems()
    found = read_labels(
        file, {name: folder / name for name in names or ("a.jpg",)}, label_classes({}, classes), problems
    )
    assert {problem.file for problem in problems.found} <= {file}
    return {n: b.xyxy.tolist() for n, b in found.items()}, [(p.kind, p.detail) for p in problems.found]


def test_boxes_are_left_top_width_height(tmp_path: Path) -> None:
    content = tree(annotation(), annotation(id=2, image_id=2, bbox=[0.5, 1.5, 2, 3]), names=("a.jpg", "b.jpg"))
    assert read(tmp_path, content, "a.jpg", "b.jpg") == ({"a.jpg": [[1, 2, 4, 6]], "b.jpg": [[0.5, 1.5, 2.5, 4.5]]}, [])


def test_listed_images_without_annotations_have_no_boxes_and_others_do_not_appear(tmp_path: Path) -> None:
    assert read(tmp_path, tree(names=("a.jpg",)), "a.jpg", "b.jpg") == ({"a.jpg": []}, [])


def test_scores_are_kept_and_default_to_one(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(json.dumps(tree(annotation(score=0.25), annotation(id=2))))
    found = read_labels(tmp_path / "labels.json", {"a.jpg": tmp_path / "a.jpg"}, label_classes({}), Problems())
    assert found["a.jpg"].scores.tolist() == [0.25, 1]


def test_only_some_categories_count(tmp_path: Path) -> None:
    content = tree(annotation(), annotation(id=2, category_id=2), annotation(id=3, category_id=9, bbox=[0, 0, 1, 1]))
    unknown = "annotation of a class that is not listed"
    found, problems = read(tmp_path, content, classes=("cell",))
    assert (found, problems) == ({"a.jpg": [[1, 2, 4, 6]]}, [(f"{unknown}, dropped", "annotations[2]")])
    found, problems = read(tmp_path, content)
    assert len(found["a.jpg"]) == 3
    assert problems == [
        (f"{unknown}, used as a cell", "annotations[2]"),
        ("several classes, all of which count as a cell", "cell, debris"),
    ]


def test_two_categories_of_one_name(tmp_path: Path) -> None:
    categories = [{"id": 1, "name": "cell"}, {"id": 2, "name": "cell"}, {"id": 3, "name": "debris"}]
    content = tree(annotation(), annotation(id=2, category_id=2), categories=categories)
    assert len(read(tmp_path, content, classes=("cell",))[0]["a.jpg"]) == 2


@pytest.mark.parametrize(("listed", "used"), [(1, "1"), ("1", 1), (1.0, 1), ("1", 1.0), ("one", "one")])
def test_ids_as_text_and_as_numbers_are_the_same(tmp_path: Path, listed: Any, used: Any) -> None:
    content = tree(
        annotation(image_id=used, category_id=used),
        images=[{"id": listed, "file_name": "a.jpg"}],
        categories=[{"id": listed, "name": "cell"}],
    )
    for classes in (None, ("cell",)):
        assert read(tmp_path, content, classes=classes) == ({"a.jpg": [[1, 2, 4, 6]]}, [])


def compressed(counts: list[int]) -> str:
    """Run lengths as COCO's own tools write them."""
    mask = {"size": [20, 30], "counts": counts}
    return str(frPyObjects(mask, 20, 30)["counts"].decode())


@pytest.mark.parametrize("bbox", [{}, {"bbox": None}, {"bbox": []}])
@pytest.mark.parametrize("form", ["polygon", "flat polygon", "two polygons", "runs", "compressed"])
@given(left=st.integers(0, 29), top=st.integers(0, 19), width=st.integers(1, 30), height=st.integers(1, 20))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_segmentation_gives_its_box(
    tmp_path: Path, bbox: Tree, form: str, left: int, top: int, width: int, height: int
) -> None:
    right, bottom = min(left + width, 30), min(top + height, 20)
    polygon = [left, top, right, top, right, bottom, left, bottom]
    mask = np.zeros((20, 30), np.uint8)
    mask[top:bottom, left:right] = 1
    edges = np.flatnonzero(np.diff(mask.ravel(order="F"), prepend=0, append=0))
    counts = np.diff(np.concatenate([[0], edges, [mask.size]])).tolist()
    counts = counts[:-1] if sum(counts[:-1]) == mask.size else counts
    given_as = {
        "polygon": [polygon],
        "flat polygon": polygon,
        "two polygons": [[left, top, left, top, left, top], polygon],
        "runs": {"size": [20, 30], "counts": counts},
        "compressed": {"size": [20, 30], "counts": compressed(counts)},
    }
    one = {key: value for key, value in annotation(segmentation=given_as[form]).items() if key != "bbox"} | bbox
    assert read(tmp_path, tree(one)) == ({"a.jpg": [[left, top, right, bottom]]}, [])


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=12))
def test_compressed_runs_are_those_of_cocos_own_tools(counts: list[int]) -> None:
    total = sum(counts) or 1
    text = frPyObjects({"size": [total, 1], "counts": counts}, total, 1)["counts"].decode()
    assert coco_counts(text) == counts


def test_an_image_that_was_not_looked_at_has_no_labels(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "a.jpg", "annotated": False}, {"id": 2, "file_name": "b.jpg", "annotated": True}]
    assert read(tmp_path, tree(images=images), "a.jpg", "b.jpg") == ({"b.jpg": []}, [])
    assert read(tmp_path, tree(annotation(), images=images), "a.jpg")[0] == {"a.jpg": [[1, 2, 4, 6]]}


def test_an_image_with_nothing_but_a_crowd_has_no_labels(tmp_path: Path) -> None:
    found, problems = read(tmp_path, tree(annotation(iscrowd=1), names=("a.jpg", "b.jpg")), "a.jpg", "b.jpg")
    assert (found, problems) == ({"b.jpg": []}, [("crowd region, dropped", "annotations[0]")])


def test_classes_that_are_no_category(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path}/labels.json: has no class Cell; .* there is: cell, debris"):
        read(tmp_path, tree(annotation()), classes=("Cell",))
    _, problems = read(tmp_path, tree(annotation()), classes=("cell", "dust"))
    assert problems == [("class that no label has", "dust; there are cell, debris")]


def test_a_byte_order_mark(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeff" + json.dumps(tree(annotation())))[0] == {"a.jpg": [[1, 2, 4, 6]]}


def test_not_a_number_is_left_to_the_cleaning(tmp_path: Path) -> None:
    found, problems = read(tmp_path, tree(annotation(bbox=[float("nan"), 2, 3, float("inf")])))
    np.testing.assert_array_equal(found["a.jpg"], [[np.nan, 2, np.nan, np.inf]])
    assert problems == []


# --- which image ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listed", "images", "expected"),
    [
        ("alive/a.jpg", ("alive/a.jpg", "dead/a.jpg"), "alive/a.jpg"),  # the whole name
        ("./a.jpg", ("a.jpg",), "a.jpg"),
        ("alive\\a.jpg", ("alive/a.jpg",), "alive/a.jpg"),
        ("a.jpg", ("alive/a.jpg", "dead/b.jpg"), "alive/a.jpg"),  # its last part
        ("images/train/a.jpg", ("a.jpg",), "a.jpg"),
        ("a.jpg", ("alive/a.jpg", "dead/a.jpg"), None),  # could be either
        ("a.png", ("a.jpg",), "a.jpg"),  # another suffix
        ("a.png", ("a.jpg", "a.tif"), None),
        ("b.jpg", ("a.jpg",), None),
        ("", ("a.jpg",), None),
    ],
)
def test_the_image_of_a_file_name(tmp_path: Path, listed: str, images: tuple[str, ...], expected: str | None) -> None:
    found, problems = read(tmp_path, tree(annotation(), names=(listed,)), *images)
    assert found == ({} if expected is None else {expected: [[1, 2, 4, 6]]})
    assert problems == ([(LABELS_WITHOUT_IMAGE, listed)] if expected is None else [])


def test_two_entries_with_the_same_last_part_match_nothing(tmp_path: Path) -> None:
    found, problems = read(tmp_path, tree(annotation(), names=("train/a.jpg", "val/a.jpg")), "a.jpg")
    assert found == {}
    assert problems == [(LABELS_WITHOUT_IMAGE, "train/a.jpg"), (LABELS_WITHOUT_IMAGE, "val/a.jpg")]


def test_the_whole_name_goes_before_the_last_part(tmp_path: Path) -> None:
    content = tree(annotation(), annotation(id=2, image_id=2, bbox=[0, 0, 1, 1]), names=("old/a.jpg", "a.jpg"))
    found, problems = read(tmp_path, content, "a.jpg")
    assert found == {"a.jpg": [[0, 0, 1, 1]]}
    assert problems == [(LABELS_WITHOUT_IMAGE, "old/a.jpg")]


@pytest.mark.parametrize("listed", ["../a.jpg", "x/../../a.jpg", "/data/a.jpg", "C:\\data\\a.jpg", "..\\a.jpg"])
def test_names_that_leave_the_folder_are_noted_and_not_used(tmp_path: Path, listed: str) -> None:
    found, problems = read(tmp_path, tree(annotation(), names=(listed,)), "a.jpg")
    assert found == {}
    assert problems == [("file_name that leaves the image folder, not used", listed)]


# --- what is noted ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("crowd", [1, True])
def test_crowd_regions_are_noted_and_dropped(tmp_path: Path, crowd: int) -> None:
    found, problems = read(tmp_path, tree(annotation(iscrowd=crowd), annotation(id=2, iscrowd=0)))
    assert found == {"a.jpg": [[1, 2, 4, 6]]}
    assert problems == [("crowd region, dropped", "annotations[0]")]


def test_annotations_of_images_that_are_not_listed(tmp_path: Path) -> None:
    found, problems = read(tmp_path, tree(annotation(image_id=77)))
    assert found == {"a.jpg": []}
    assert problems == [("annotation of an image that is not listed, dropped", "annotations[0], image 77")]


def test_an_image_id_that_comes_twice(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}]
    found, problems = read(tmp_path, tree(annotation(), images=images), "a.jpg", "b.jpg")
    assert found == {"a.jpg": [[1, 2, 4, 6]]}
    assert problems == [("image id that comes twice, the first is used", "id 1, b.jpg")]


def test_an_image_that_is_listed_twice(tmp_path: Path) -> None:
    content = tree(annotation(), annotation(id=2, image_id=2, bbox=[0, 0, 1, 1]), names=("a.jpg", "./a.jpg"))
    found, problems = read(tmp_path, content)
    assert found == {"a.jpg": [[1, 2, 4, 6], [0, 0, 1, 1]]}
    assert problems == [("image that is listed twice, all boxes used", "a.jpg")]


def test_an_annotation_id_that_comes_twice(tmp_path: Path) -> None:
    found, problems = read(tmp_path, tree(annotation(), annotation(bbox=[0, 0, 1, 1])))
    assert found == {"a.jpg": [[1, 2, 4, 6], [0, 0, 1, 1]]}
    assert problems == [("annotation id that comes twice, all boxes used", "id 1")]


def test_a_size_that_is_not_the_images(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "a.jpg")
    images = [{"id": 1, "file_name": "a.jpg", "height": 30, "width": 20}]
    _, problems = read(tmp_path, tree(images=images))
    assert problems == [("image of another size than its labels say", f"20 x 30, {tmp_path}/a.jpg has 30 x 20")]


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "cannot be read as JSON"),
        ('{"images": [', "cannot be read as JSON: .*line 1"),
        ("[" * 100_000, "cannot be read as JSON"),
        ([annotation()], "holds no object with the keys images and annotations"),
        ({"images": []}, "annotations: is missing or no list"),
        ({"annotations": []}, "images: is missing or no list"),
        (tree(images={}), "images: is missing or no list"),
        (tree(images=["a.jpg"]), r"images\[0\]: is no object"),
        (tree(images=[{"id": 1}]), r"images\[0\].file_name: is missing"),
        (tree(images=[{"file_name": "a.jpg"}]), r"images\[0\].id: is missing"),
        (tree(images=[{"id": [1], "file_name": "a.jpg"}]), r"images\[0\].id: is missing, or neither"),
        (tree(annotation(), annotation(id=2, image_id=None)), r"annotations\[1\].image_id: is missing"),
        (tree(annotation(bbox=None)), r"annotations\[0\].bbox: is missing, or not \[x, y, width, height\]"),
        (tree(annotation(bbox=[1, 2, 3])), r"annotations\[0\].bbox: is missing, or not"),
        (tree(annotation(bbox=[1, 2, 3, "x"])), r"annotations\[0\].bbox: is missing, or not"),
        (tree(annotation(bbox="1234")), r"annotations\[0\].bbox: is missing, or not"),
        (tree(annotation(bbox=[1, 2, 3, 10**400])), r"annotations\[0\].bbox: is missing, or not"),
        (tree(annotation(score=1.5)), r"annotations\[0\].score: is 1.5, not a number from 0 to 1"),
        (tree(annotation(score=float("nan"))), r"annotations\[0\].score: is nan"),
        (tree(annotation(score=10**400)), r"annotations\[0\].score: is 1000"),
        (tree(annotation(score="high")), r"annotations\[0\].score: is 'high'"),
    ],
)
def test_what_is_malformed_is_refused_with_its_place(tmp_path: Path, content: Any, reason: str) -> None:
    with pytest.raises(DataError, match=f"{tmp_path}/labels.json: {reason}"):
        read(tmp_path, content)


def test_classes_need_categories(tmp_path: Path) -> None:
    content = tree(annotation())
    del content["categories"]
    assert read(tmp_path, content)[0] == {"a.jpg": [[1, 2, 4, 6]]}
    with pytest.raises(DataError, match=f"{tmp_path}/labels.json: categories: is missing"):
        read(tmp_path, content, classes=("cell",))
    with pytest.raises(DataError, match=rf"{tmp_path}/labels.json: categories\[0\].id: is missing"):
        read(tmp_path, content | {"categories": [{"name": "cell"}]}, classes=("cell",))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"no such file: {tmp_path}/none.json"):
        read_labels(tmp_path / "none.json", {}, label_classes({}), Problems())
    with pytest.raises(DataError, match=f"{tmp_path}: cannot be read as JSON"):
        read_labels(tmp_path, {}, label_classes({}), Problems())


# --- writing ----------------------------------------------------------------------------------------------------------


def test_the_written_file_in_full() -> None:
    written = to_coco([("a.jpg", 20, 30), ("b/c.jpg", 5, 6)], [EMPTY, make_boxes([[1, 2, 3.5, 7]], [0.5])])
    assert written == {
        "images": [
            {"id": 1, "file_name": "a.jpg", "height": 20, "width": 30},
            {"id": 2, "file_name": "b/c.jpg", "height": 5, "width": 6},
        ],
        "annotations": [
            {
                "id": 1,
                "image_id": 2,
                "category_id": 1,
                "bbox": [1, 2, 2.5, 5],
                "area": 12.5,
                "score": 0.5,
                "iscrowd": 0,
            }
        ],
        "categories": [{"id": 1, "name": "cell"}],
    }


def test_images_and_boxes_are_as_many() -> None:
    with pytest.raises(ValueError, match="zip"):
        to_coco([("a.jpg", 20, 30)], [])
    with pytest.raises(ValueError, match="zip"):
        to_coco([], [make_boxes([[1, 2, 3, 4]])])


@st.composite
def any_boxes(draw: st.DrawFn) -> Boxes:
    """Boxes with any float32 coordinates with 0 <= left < right and 0 <= top < bottom, and any scores."""
    number = st.floats(0, 1e5, width=32)
    pair = st.tuples(number, number).filter(lambda ends: ends[0] != ends[1]).map(sorted)
    rows = draw(st.lists(st.tuples(pair, pair, st.floats(0, 1, width=32)), max_size=5))
    return make_boxes([[x[0], y[0], x[1], y[1]] for x, y, _ in rows], [score for _, _, score in rows])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(boxes(), any_boxes()), max_size=4))
def test_what_is_written_is_read(tmp_path: Path, written: list[Boxes]) -> None:
    names = [f"folder/{index}.png" for index in range(len(written))]
    content = to_coco([(name, 0, 0) for name in names], written)
    (tmp_path / "labels.json").write_text(json.dumps(content))
    problems = Problems()
    found = read_labels(
        tmp_path / "labels.json", {name: tmp_path / name for name in names}, label_classes({}, ("cell",)), problems
    )
    assert list(found) == names
    assert all(same(found[name], expected) for name, expected in zip(names, written, strict=True))
    assert problems.found == []


def test_pycocotools_reads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pycocotools.coco import COCO

    file = tmp_path / "labels.json"
    file.write_text(json.dumps(to_coco([("a.jpg", 20, 30)], [make_boxes([[1, 2, 3, 4], [5, 6, 8, 10]])])))
    coco = COCO(str(file))
    capsys.readouterr()
    assert [one["bbox"] for one in coco.loadAnns(coco.getAnnIds(imgIds=[1], catIds=[1]))] == [
        [1, 2, 2, 2],
        [5, 6, 3, 4],
    ]
