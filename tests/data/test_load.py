"""Settings become samples: labels are read, cleaned, counted, and what cannot be used is refused with its key."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

import sissi.weak_labels
from sissi.boxes import EMPTY, Boxes, make_boxes
from sissi.data.load import digest, load_images, load_reference, load_test
from sissi.data.matching import LABELS_WITHOUT_IMAGE
from sissi.data.problems import Problems
from sissi.data.samples import Sample
from sissi.errors import DataError
from sissi.settings import DeadCells, LabelFiles, LabelledImages, WeakLabels
from sissi.settings import TestImages as ReadersImages

HEIGHT, WIDTH = 20, 30
KEY = "data.target_train"


def image(path: Path, level: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT), (level,) * 3).save(path)
    return path


def text(path: Path, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows))
    return path


def coco(path: Path, **boxes: list[list[float]]) -> Path:
    """A COCO file of images called `<key>.png`; boxes as left, top, width, height."""
    names = list(boxes)
    content = {
        "images": [{"id": index, "file_name": f"{name}.png"} for index, name in enumerate(names)],
        "annotations": [{"image_id": i, "category_id": 1, "bbox": b} for i, n in enumerate(names) for b in boxes[n]],
        "categories": [{"id": 1, "name": "cell"}],
    }
    path.write_text(json.dumps(content))
    return path


def load(folder: Path, **settings: Any) -> tuple[list[Sample], Counter[str]]:
    """Samples and how often there was each kind of problem."""
    problems = Problems()
    samples = load_images(LabelledImages(**{"format": "celllab", "images": "images"} | settings), folder, problems, KEY)
    return samples, Counter(problem.kind for problem in problems.found)


def boxes_of(samples: list[Sample]) -> dict[str, list[list[float]]]:
    return {sample.name: sample.boxes.xyxy.tolist() for sample in samples}


# --- a data set in each format ----------------------------------------------------------------------------------------


def test_celllab(tmp_path: Path) -> None:
    for name in ("inhib/c", "alive/b", "alive/a"):
        image(tmp_path / "images" / f"{name}.jpg")
        text(tmp_path / "images" / f"{name}.txt", "cell 1 2 10 12")
    samples, problems = load(tmp_path)
    assert boxes_of(samples) == {name: [[1, 2, 10, 12]] for name in ("alive/a.jpg", "alive/b.jpg", "inhib/c.jpg")}
    assert [sample.category for sample in samples] == ["alive", "alive", "inhib"]
    assert {(sample.height, sample.width) for sample in samples} == {(HEIGHT, WIDTH)}
    assert not problems


def test_cellpose(tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint16)
    mask[2:5, 3:9] = 4
    image(tmp_path / "images" / "000_img.png")
    Image.fromarray(mask).save(tmp_path / "images" / "000_masks.png")
    samples, problems = load(tmp_path, format="cellpose")
    assert boxes_of(samples) == {"000_img.png": [[3, 2, 9, 5]]}
    assert not problems


def test_voc_beside_its_images(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.jpg")
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
    objects = "".join(f"<object><name>{name}</name>{box}</object>" for name in ("RBC", "WBC", "Platelets"))
    text(tmp_path / "images" / "a.xml", f"<annotation>{objects}</annotation>")
    samples, _ = load(tmp_path, format="voc", classes=("RBC", "WBC"))
    assert boxes_of(samples) == {"a.jpg": [[1, 2, 3, 4], [1, 2, 3, 4]]}


def test_coco(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    coco(tmp_path / "a.json", a=[[1, 2, 3, 4]])
    samples, problems = load(tmp_path, format="coco", labels="a.json")
    assert boxes_of(samples) == {"a.png": [[1, 2, 4, 6]]}
    assert not problems


def test_labels_in_a_folder_of_their_own_and_deep_images(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    levels = np.linspace(0, 60_000, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    tifffile.imwrite(tmp_path / "images" / "a.tif", levels.astype(np.uint16))
    text(tmp_path / "labels" / "a.txt", "cell 1 2 10 12")
    samples, _ = load(tmp_path, labels="labels")
    assert boxes_of(samples) == {"a.tif": [[1, 2, 10, 12]]}


# --- cleaning and counting --------------------------------------------------------------------------------------------


def test_boxes_are_cleaned_and_counted(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    text(
        tmp_path / "images" / "a.txt",
        "cell 1 2 30 20",
        "cell 1 2 31 20",
        "cell 5 5 5 9",
        "cell 9 9 5 5",
        "cell 40 2 50 9",
        "cell nan 2 5 9",
        "cell 1 2 3",
    )
    samples, problems = load(tmp_path)
    assert boxes_of(samples) == {"a.png": [[1, 2, 30, 20], [1, 2, 30, 20]]}
    assert problems == {
        "line that is no box, dropped": 1,
        "box with a coordinate that is no number, dropped": 1,
        "box without width or height, dropped": 2,
        "box outside the image, dropped": 1,
        "box over the edge of the image, cut": 1,
    }


def test_an_image_without_labels_is_kept_and_counted(tmp_path: Path) -> None:
    for name in ("a", "b"):
        image(tmp_path / "images" / f"{name}.png")
    text(tmp_path / "images" / "a.txt", "cell 1 2 10 12")
    text(tmp_path / "images" / "c.txt", "cell 1 2 10 12")
    samples, problems = load(tmp_path)
    assert boxes_of(samples) == {"a.png": [[1, 2, 10, 12]], "b.png": []}
    assert problems == {"image without labels, used without boxes": 1, LABELS_WITHOUT_IMAGE: 1}


def test_with_a_limit_labels_of_other_images_are_no_problem(tmp_path: Path) -> None:
    for index in range(6):
        image(tmp_path / "images" / f"{index}.png")
        text(tmp_path / "images" / f"{index}.txt", f"cell 1 2 {index + 3} 12")
    samples, problems = load(tmp_path, limit=2)
    assert boxes_of(samples) == {"0.png": [[1, 2, 3, 12]], "3.png": [[1, 2, 6, 12]]}
    assert not problems


# --- what is refused --------------------------------------------------------------------------------------------------


def test_missing_folders_are_named_with_their_key(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{KEY}\.images: no such file or folder: {tmp_path}/images; .*data\.folder"):
        load(tmp_path)
    image(tmp_path / "images" / "a.png")
    with pytest.raises(DataError, match=rf"{KEY}\.labels: no such file or folder: {tmp_path}/text; .*data\.folder"):
        load(tmp_path, labels="text")
    with pytest.raises(DataError, match=rf"{KEY}\.labels: no such file or folder: {tmp_path}/a.json"):
        load(tmp_path, format="coco", labels="a.json")


def test_broken_images_are_refused_before_labels_are_read(tmp_path: Path) -> None:
    for name in ("a", "b"):
        image(tmp_path / "images" / f"{name}.png").write_bytes(b"broken")
        text(tmp_path / "images" / f"{name}.txt", "cell 1 2 10 12")
    with pytest.raises(DataError, match=rf"{KEY}: 2 of 2 images cannot be used(.|\n)*a\.png: (.|\n)*b\.png: "):
        load(tmp_path)


def test_labels_of_which_none_fits(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    text(tmp_path / "images" / "other.txt", "cell 1 2 10 12")
    with pytest.raises(DataError, match=rf"{KEY}: no image has labels of the format celllab in {tmp_path}/images"):
        load(tmp_path)


def test_an_unusable_label_file_is_named_with_the_key(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    text(tmp_path / "a.json", "{}")
    with pytest.raises(DataError, match=rf"{KEY}: {tmp_path}/a\.json: images: is missing"):
        load(tmp_path, format="coco", labels="a.json")


# --- weak labels ------------------------------------------------------------------------------------------------------


def fake_labels(seen: list[tuple[int, str, str | None]]) -> Any:
    def label_cells(pixels: np.ndarray, settings: WeakLabels, category: str | None) -> Boxes:
        seen.append((int(pixels[0, 0, 0]), settings.pipeline, category))
        return make_boxes([[-2, 1, 5, 6]] if pixels[0, 0, 0] < 200 else [])

    return label_cells


def test_weak_labels_replace_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, str, str | None]] = []
    monkeypatch.setattr(sissi.weak_labels, "label_cells", fake_labels(seen))
    image(tmp_path / "images" / "alive" / "a.png", 50)
    image(tmp_path / "images" / "dead" / "b.png", 250)
    text(tmp_path / "images" / "alive" / "a.txt", "not read")
    samples, problems = load(tmp_path, weak_labels={})
    assert boxes_of(samples) == {"alive/a.png": [[0, 1, 5, 6]], "dead/b.png": []}
    assert sorted(seen) == [(50, "category", "alive"), (250, "category", "dead")]
    assert problems == {"image in which the weak labels find no cell, used without boxes": 1}


def test_one_pipeline_needs_no_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, str, str | None]] = []
    monkeypatch.setattr(sissi.weak_labels, "label_cells", fake_labels(seen))
    image(tmp_path / "images" / "a.png", 50)
    load(tmp_path, format="coco", weak_labels={"pipeline": "dead"})
    assert seen == [(50, "dead", None)]


def test_weak_labels_by_category_need_folders(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    with pytest.raises(DataError, match=rf"{KEY}\.weak_labels\.pipeline: .*alive, dead, inhib"):
        load(tmp_path, weak_labels={})


def test_the_real_pipeline_finds_a_round_cell(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:80, :100]
    disc = (rows - 40) ** 2 + (columns - 50) ** 2 <= 10**2
    (tmp_path / "images" / "dead").mkdir(parents=True)
    Image.fromarray(np.where(disc, 230, 60).astype(np.uint8)).save(tmp_path / "images" / "dead" / "a.png")
    samples, _ = load(tmp_path, weak_labels=WeakLabels(dead=DeadCells(votes=20)))
    assert len(samples[0].boxes) >= 1
    np.testing.assert_allclose(samples[0].boxes.xyxy[0], [38, 28, 62, 52], atol=4)


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
    assert {reader: [boxes.xyxy.tolist() for boxes in many] for reader, many in found.items()} == {
        "one": [[], [[1, 2, 4, 6], [25, 1, 30, 6]], []],
        "two": [[], [], [[1, 1, 2, 2]]],
    }
    notes = {(problem.file.name, problem.kind, problem.detail.partition(",")[0]) for problem in problems.found}
    assert notes == {
        ("one.json", LABELS_WITHOUT_IMAGE, "gone.png"),
        ("b.png", "box over the edge of the image, cut", "data.target_test.readers.one"),
        ("c.png", "image that a reader does not mention, evaluated as empty", "one"),
        ("c.png", "box without width or height, dropped", "data.target_test.readers.two"),
        ("a.png", "image that a reader does not mention, evaluated as empty", "two"),
        ("b.png", "image that a reader does not mention, evaluated as empty", "two"),
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


def sample(path: Path, boxes: Boxes = EMPTY) -> Sample:
    return Sample(path.name, path, HEIGHT, WIDTH, boxes)


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
        [first, replace(first, name="b.png")],
    ]
    assert len({digest(samples) for samples in changes}) == len(changes)


# --- real images ------------------------------------------------------------------------------------------------------

REAL = Path(os.environ.get("SISSI_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
real = pytest.mark.skipif(
    not REAL.is_dir(), reason="no public images: SISSI_REAL_DATA names the folder that has nuclei/ and bccd/"
)


def count(samples: list[Sample]) -> tuple[int, int]:
    return len(samples), sum(len(one.boxes) for one in samples)


@real
@pytest.mark.parametrize(("part", "expected"), [("train", (470, 14_636)), ("val", (68, 2_031))])
def test_real_nuclei(part: str, expected: tuple[int, int]) -> None:
    samples, problems = load(REAL, format="cellpose", images=f"nuclei/{part}")
    assert count(samples) == expected
    assert not problems


@real
def test_real_blood_cells() -> None:
    settings = {"format": "voc", "images": "bccd/images/train", "labels": "bccd/Annotations", "classes": ("RBC", "WBC")}
    samples, problems = load(REAL, **settings)
    assert count(samples) == (224, 2_734)
    assert problems == {LABELS_WITHOUT_IMAGE: 45, "box without width or height, dropped": 1}
    settings_of_reference = LabelFiles(format="coco", labels="bccd/train_reference.json")
    reference = load_reference(settings_of_reference, samples, REAL, Problems())
    covered = [boxes for boxes in reference if boxes is not None]
    assert (len(covered), sum(map(len, covered))) == (176, 4_233)


@real
def test_real_readers() -> None:
    readers = {f"reader_{k}": LabelFiles(format="coco", labels=f"bccd/readers/reader_{k}.json") for k in (1, 2, 3)}
    problems = Problems()
    samples, found = load_test(ReadersImages(images="bccd/images/test", readers=readers), REAL, problems)
    assert len(samples) == 45
    assert [sum(map(len, boxes)) for boxes in found.values()] == [1_108, 562, 513]
    assert [problem.kind for problem in problems.found] == ["box without width or height, dropped"] * 2
