"""The demo on disk."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from sissi.boxes import make_boxes
from sissi.config import AliveCells, DemoData, FileData, WeakLabels
from sissi.data.demo import demo_files, write, write_demo
from sissi.data.demo.series import readings, source_image, target_image
from sissi.data.demo.target import KINDS
from sissi.data.load import load_images, load_reference, load_test
from sissi.data.problems import Problems
from sissi.errors import DataError

SETTINGS = DemoData(
    kind="demo",
    width=112,
    height=96,
    cells=(4, 8),
    target_train=7,
    target_test=3,
    source_train=3,
    source_val=2,
    weak_labels=WeakLabels(alive=AliveCells(gamma=1.3)),
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "demo"
    write_demo(SETTINGS, folder)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pixels(path: Path) -> npt.NDArray[Any]:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return np.asarray(image)


def test_the_layout_is_the_papers(demo: Path) -> None:
    tests = {f"cell_lab/test_labelled/{index:03d}.jpg" for index in range(3)}
    texts = {f"cell_lab/test_labelled/reader_{reader}/{index:03d}.txt" for reader in (1, 2, 3) for index in range(3)}
    train = {f"cell_lab/{name}.jpg" for name in ("alive/000", "alive/001", "alive/002", "inhib/000", "inhib/001")}
    train |= {"cell_lab/dead/000.jpg", "cell_lab/dead/001.jpg"}
    source = {f"cellpose/train/{index:03d}_{part}.png" for index in range(3) for part in ("img", "masks")}
    source |= {f"cellpose/val/{index:03d}_{part}.png" for index in range(2) for part in ("img", "masks")}
    assert set(files(demo)) == tests | texts | train | source | {"truth.json"}


def test_the_same_seed_gives_bit_equal_files_and_more_images_change_none(demo: Path, tmp_path: Path) -> None:
    write_demo(SETTINGS, tmp_path / "again")
    assert files(tmp_path / "again") == files(demo)
    more = SETTINGS.model_copy(update={"target_train": 9, "target_test": 4, "source_train": 4, "source_val": 3})
    write_demo(more, tmp_path / "more")
    grown = files(tmp_path / "more")
    assert len(grown) == len(files(demo)) + 2 + 4 + 2 + 2
    assert {name: grown[name] for name in files(demo) if name != "truth.json"} == {
        name: content for name, content in files(demo).items() if name != "truth.json"
    }
    write_demo(SETTINGS.model_copy(update={"seed": 5}), tmp_path / "other")
    other = files(tmp_path / "other")
    assert all(other[name] != content for name, content in files(demo).items())


def test_images_and_masks_read_back(demo: Path) -> None:
    drawn = target_image(SETTINGS, "target_train", 4)
    grey = pixels(demo / "cell_lab/inhib/001.jpg")
    assert grey.shape == drawn.pixels.shape
    assert np.abs(grey.astype(int) - drawn.pixels).mean() < 2

    source = source_image(SETTINGS, "source_val", 1)
    colour = pixels(demo / "cellpose/val/001_img.png")
    assert np.array_equal(colour[..., ::-1], source.pixels)
    masks = pixels(demo / "cellpose/val/001_masks.png")
    assert masks.dtype == np.uint16
    assert np.array_equal(masks, source.masks)


def test_readers_and_truth_read_back(demo: Path) -> None:
    for reader, boxes in readings(SETTINGS, target_image(SETTINGS, "target_test", 2), 2).items():
        lines = (demo / f"cell_lab/test_labelled/{reader}/002.txt").read_text().splitlines()
        assert [line.split()[0] for line in lines] == [KINDS[label - 1] for label in boxes.labels]
        assert np.allclose([list(map(float, line.split()[1:])) for line in lines], boxes.xyxy, atol=1e-4)

    coco = json.loads((demo / "truth.json").read_text())
    names = {image["id"]: image["file_name"] for image in coco["images"]}
    assert sorted(names.values()) == sorted(
        path.relative_to(demo / "cell_lab").as_posix()
        for kind in ("alive", "inhib", "dead")
        for path in (demo / "cell_lab" / kind).iterdir()
    )
    assert {(image["width"], image["height"]) for image in coco["images"]} == {(112, 96)}
    found = [row["bbox"] for row in coco["annotations"] if names[row["image_id"]] == "dead/001.jpg"]
    left_top = make_boxes([[x, y, x + width, y + height] for x, y, width, height in found])
    assert np.array_equal(left_top.xyxy, target_image(SETTINGS, "target_train", 5).truth.xyxy)
    assert [kind["name"] for kind in coco["categories"]] == list(KINDS)


def test_the_settings_name_what_was_written(demo: Path) -> None:
    data = demo_files(SETTINGS, demo)
    assert isinstance(data, FileData)
    assert data.folder == demo
    assert data.target_train.weak_labels == SETTINGS.weak_labels
    assert (demo / data.target_train.images / "alive").is_dir()
    assert data.target_reference is not None
    assert (demo / data.target_reference.labels).is_file()
    assert list(data.target_test.readers) == ["reader_1", "reader_2", "reader_3"]
    for source in data.target_test.readers.values():
        assert len(list((demo / source.labels).glob("*.txt"))) == SETTINGS.target_test
    assert len(list((demo / data.source_val.images).glob("*_img.png"))) == SETTINGS.source_val


def test_the_package_reads_it_without_a_problem(demo: Path) -> None:
    data, problems = demo_files(SETTINGS, demo), Problems()
    train = load_images(data.target_train, data.folder, problems, "data.target_train")
    assert data.target_reference is not None
    truth = load_reference(data.target_reference, train, data.folder, problems)
    tests, readers = load_test(data.target_test, data.folder, problems)
    source = load_images(data.source_train, data.folder, problems, "data.source_train")
    assert problems.summary() == []
    assert [sample.category for sample in train] == ["alive"] * 3 + ["dead"] * 2 + ["inhib"] * 2
    order = [0, 3, 6, 2, 5, 1, 4]
    for index, boxes in zip(order, truth, strict=True):
        assert boxes is not None
        assert np.array_equal(boxes.xyxy, target_image(SETTINGS, "target_train", index).truth.xyxy)
    assert [len(boxes) for boxes in readers["reader_3"]] == [
        len(readings(SETTINGS, target_image(SETTINGS, "target_test", index), index)["reader_3"])
        for index in range(len(tests))
    ]
    assert [len(sample.boxes) for sample in source] == [
        source_image(SETTINGS, "source_train", index).masks.max() for index in range(3)
    ]


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="exists already"):
        write_demo(SETTINGS, tmp_path / "demo")
    assert files(tmp_path / "demo") == {"mine.txt": b"mine"}


def test_an_interrupted_writing_leaves_no_folder_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "source_image", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_demo(SETTINGS, tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [{"cells": (9, 5)}, {"seed": -1}, {"width": 40}])
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DemoData.model_validate({"kind": "demo", **wrong})
