"""Test images with their readers, references, and the digest of a data set."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sissi.boxes import EMPTY, Boxes, make_boxes
from sissi.config import ImageReading, LabelFiles
from sissi.config import TestImages as ReadersImages
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE
from sissi.data.load import load_reference, load_test, with_corrections
from sissi.data.problems import Problems
from sissi.data.sample import Sample, digest
from sissi.errors import DataError
from tests.data.formats.label_writing import HEIGHT, WIDTH, coco, image, text


def sample(path: Path, boxes: Boxes = EMPTY) -> Sample:
    return Sample(path.name, path, HEIGHT, WIDTH, boxes)


# --- test images and references ---------------------------------------------------------------------------------------


def test_each_reader_has_boxes_for_each_image(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        image(tmp_path / "images" / f"{name}.png")
    coco(tmp_path / "one.json", b=[[1, 2, 3, 4], [25, 1, 10, 5]], a=[], gone=[])
    text(tmp_path / "two" / "c.txt", "cell 1 1 2 2", "cell 5 5 5 5")
    readers = {"one": LabelFiles(format="coco", labels="one.json"), "two": LabelFiles(format="celllab", labels="two")}
    problems = Problems()
    samples, found = load_test(ReadersImages(images="images", readers=readers), tmp_path, problems)
    assert [sample.name for sample in samples] == ["a.png", "b.png", "c.png"]
    assert all(sample.boxes is EMPTY for sample in samples)
    assert {
        reader: [None if boxes is None else boxes.xyxy.tolist() for boxes in many] for reader, many in found.items()
    } == {
        "one": [[], [[1, 2, 4, 6], [25, 1, 30, 6]], None],
        "two": [None, None, [[1, 1, 2, 2]]],
    }
    notes = {(problem.file.name, problem.kind, problem.detail.partition(",")[0]) for problem in problems.found}
    assert notes == {
        ("one.json", LABELS_WITHOUT_IMAGE, "gone.png"),
        ("b.png", "box over the edge of the image, cut", "data.target_test.readers.one"),
        ("c.png", "image that a reader does not mention, left out of its scores", "one"),
        ("c.png", "box without width or height, dropped", "data.target_test.readers.two"),
        ("a.png", "image that a reader does not mention, left out of its scores", "two"),
        ("b.png", "image that a reader does not mention, left out of its scores", "two"),
    }


def test_masks_beside_test_images_are_no_images(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    Image.fromarray(np.ones((HEIGHT, WIDTH), np.uint8)).save(tmp_path / "images" / "a_masks.png")
    readers = {"one": LabelFiles(format="cellpose", labels="images")}
    samples, found = load_test(ReadersImages(images="images", readers=readers), tmp_path, Problems())
    assert [sample.name for sample in samples] == ["a.png"]
    assert found["one"][0].xyxy.tolist() == [[0, 0, WIDTH, HEIGHT]]


def test_a_limit_of_test_images(tmp_path: Path) -> None:
    for index in range(4):
        image(tmp_path / "images" / f"{index}.png")
    coco(tmp_path / "one.json", **{str(index): [[1, 2, 3, index + 1]] for index in range(4)})
    problems = Problems()
    settings = ReadersImages(images="images", readers={"one": LabelFiles(format="coco", labels="one.json")}, limit=2)
    samples, found = load_test(settings, tmp_path, problems)
    assert [sample.name for sample in samples] == ["0.png", "2.png"]
    assert [boxes.heights.tolist() for boxes in found["one"]] == [[1], [3]]
    assert problems.found == []


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ("none", "one.json", r"data\.target_test\.images: no such file or folder: .*none"),
        ("images", "none.json", r"data\.target_test\.readers\.one\.labels: no such file or folder: .*none\.json"),
        ("images", "one.json", r"data\.target_test\.readers\.one: no image has labels .* coco in .*one\.json"),
    ],
)
def test_test_data_that_is_missing(tmp_path: Path, images: str, labels: str, message: str) -> None:
    image(tmp_path / "images" / "a.png")
    coco(tmp_path / "one.json", other=[])
    settings = ReadersImages(images=images, readers={"one": LabelFiles(format="coco", labels=labels)})
    with pytest.raises(DataError, match=message):
        load_test(settings, tmp_path, Problems())


def test_a_reference_of_some_images(tmp_path: Path) -> None:
    samples = [sample(image(tmp_path / f"{name}.png")) for name in ("a", "b", "c")]
    coco(tmp_path / "reference.json", b=[[1, 2, 3, 4], [1, 2, 0, 4]], c=[], d=[])
    problems = Problems()
    found = load_reference(LabelFiles(format="coco", labels="reference.json"), samples, tmp_path, problems)
    assert [None if boxes is None else boxes.xyxy.tolist() for boxes in found] == [None, [[1, 2, 4, 6]], []]
    assert [problem.kind for problem in problems.found] == ["box without width or height, dropped"]


def test_a_reference_of_other_images_is_noted(tmp_path: Path) -> None:
    coco(tmp_path / "reference.json", other=[])
    problems = Problems()
    settings = LabelFiles(format="coco", labels="reference.json")
    assert load_reference(settings, [sample(image(tmp_path / "a.png"))], tmp_path, problems) == [None]
    assert [problem.kind for problem in problems.found] == ["reference that covers none of the images"]


def test_a_missing_reference(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.target_reference\.labels: no such file or folder: .*reference\.json"):
        load_reference(LabelFiles(format="coco", labels="reference.json"), [], tmp_path, Problems())


CORRECTED = LabelFiles(format="coco", labels="corrected.json")


def test_corrected_labels_take_the_place_of_the_weak_ones(tmp_path: Path) -> None:
    weak = make_boxes([[0, 0, 3, 3]])
    samples = [sample(image(tmp_path / f"{name}.png"), weak) for name in ("a", "b", "c")]
    coco(tmp_path / "corrected.json", b=[[1, 2, 3, 4]], c=[], d=[])
    problems = Problems()
    found = with_corrections(CORRECTED, samples, tmp_path, problems)
    assert [one.boxes.xyxy.tolist() for one in found] == [[[0, 0, 3, 3]], [[1, 2, 4, 6]], []]
    assert [one.corrected for one in found] == [False, True, True]
    assert digest(found) != digest([replace(one, corrected=False) for one in found])
    assert [(problem.kind, problem.detail) for problem in problems.found] == [(LABELS_WITHOUT_IMAGE, "d.png")]


def test_corrected_labels_of_other_images_are_refused(tmp_path: Path) -> None:
    coco(tmp_path / "corrected.json", other=[])
    message = r"data\.target_corrected: .*corrected\.json mentions none of the target training images.* such as a\.png"
    with pytest.raises(DataError, match=message):
        with_corrections(CORRECTED, [sample(image(tmp_path / "a.png"))], tmp_path, Problems())


# --- digests ----------------------------------------------------------------------------------------------------------


def test_a_digest_knows_neither_place_nor_order(tmp_path: Path) -> None:
    samples = [sample(image(tmp_path / "here" / f"{k}.png", k), make_boxes([[k, 1, 9, 9]])) for k in range(3)]
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    moved = [replace(one, path=tmp_path / "there" / one.name) for one in reversed(samples)]
    assert digest(moved) == digest(samples)
    assert len(digest(samples)) == 64


def test_a_digest_changes_with_name_pixels_boxes_scores_and_labels(tmp_path: Path) -> None:
    first = sample(image(tmp_path / "a.png"), make_boxes([[1, 2, 3, 4]]))
    changes = [
        [first],
        [],
        [replace(first, name="b.png")],
        [replace(first, path=image(tmp_path / "other" / "a.png", 101))],
        [replace(first, boxes=make_boxes([[1, 2, 3, 4.5]]))],
        [replace(first, boxes=make_boxes([[1, 2, 3, 4]], [0.5]))],
        [replace(first, boxes=make_boxes([[1, 2, 3, 4]], None, [2]))],
        [replace(first, boxes=EMPTY)],
        [replace(first, reading=ImageReading(plane=1))],
        [replace(first, reading=ImageReading(channels=(1,)))],
        [replace(first, reading=ImageReading(projection="max"))],
        [first, replace(first, name="b.png")],
    ]
    assert len({digest(samples) for samples in changes}) == len(changes)
