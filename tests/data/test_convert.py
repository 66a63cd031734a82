"""The command that turns labels of one format into another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from sissi.config.data import ONE_FILE
from sissi.data.formats import FORMATS

HEIGHT, WIDTH = 20, 30


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    for name in ("alive/ä b.png", "dead/c.jpg"):
        (folder / name).parent.mkdir(parents=True)
        Image.new("L", (WIDTH, HEIGHT)).save(folder / name)
    return folder


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """A COCO file with three boxes, two classes and a score."""
    names = ("alive/ä b.png", "dead/c.jpg")
    rows = [(1, 1, [1, 2, 5, 6], 0.5), (1, 2, [10, 10, 8, 8], 1), (2, 1, [20, 3, 6, 12], 1)]
    content = {
        "images": [{"id": key, "file_name": name} for key, name in enumerate(names, start=1)],
        "annotations": [{"image_id": i, "category_id": c, "bbox": b, "score": s} for i, c, b, s in rows],
        "categories": [{"id": 1, "name": "cell"}, {"id": 2, "name": "debris"}],
    }
    (tmp_path / "labels.json").write_text(json.dumps(content))
    return tmp_path / "labels.json"


@pytest.fixture
def convert(sissi, images: Path):
    def run(labels: Path, source: str, target: str, out: Path, *more: str) -> tuple[str, str]:
        """What was printed, and what was warned of."""
        given = [str(labels), "--from", source, "--to", target, "--images", str(images), "--out", str(out), *more]
        return sissi("data", "convert", *given)[1:]

    return run


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "coco"])
def test_there_and_back(tmp_path: Path, labels: Path, convert, format: str) -> None:
    out, err = convert(labels, "coco", format, tmp_path / "out")
    place = next((tmp_path / "out").glob("*.*")) if format in ONE_FILE else tmp_path / "out"
    assert out.startswith(f"wrote 2 images, 3 boxes as {format} to {place}")
    assert "several classes, all of which count as a cell" in err and "cell, debris" in err
    assert ("scores left out" in err) == (format in ("celllab", "cellpose", "voc"))
    out, err = convert(place, format, "coco", tmp_path / "back.json")
    assert out == f"wrote 2 images, 3 boxes as coco to {tmp_path / 'back.json'}\n"
    back = json.loads((tmp_path / "back.json").read_text())
    assert [one["file_name"] for one in back["images"]] == ["alive/ä b.png", "dead/c.jpg"]
    found = [pytest.approx(one["bbox"], abs=1e-4) for one in back["annotations"]]
    assert found == [[1, 2, 5, 6], [10, 10, 8, 8], [20, 3, 6, 12]]


def test_one_class(tmp_path: Path, labels: Path, convert) -> None:
    out, err = convert(labels, "coco", "yolo", tmp_path / "out", "--class", "debris")
    assert out == f"wrote 2 images, 1 boxes as yolo to {tmp_path / 'out'} (3 files)\n"
    assert err == ""


def test_images_without_labels_and_labels_without_images_are_told(tmp_path: Path, labels: Path, convert) -> None:
    content = json.loads(labels.read_text())
    content["images"][1]["file_name"] = "gone.jpg"
    labels.write_text(json.dumps(content))
    out, err = convert(labels, "coco", "voc", tmp_path / "out", "--class", "cell")
    assert "wrote 1 images, 1 boxes" in out
    assert "1 x image without labels, left out: " in err and "dead/c.jpg" in err
    assert "1 x labels without their image, not used: " in err and "gone.jpg" in err


def test_cells_that_a_mask_cannot_hold_are_told(tmp_path: Path, labels: Path, convert) -> None:
    content = json.loads(labels.read_text())
    content["annotations"] = [one | {"bbox": [3, 3, 1, 1], "image_id": 1} for one in content["annotations"]]
    labels.write_text(json.dumps(content))
    _, err = convert(labels, "coco", "cellpose", tmp_path / "out")
    assert "1 x boxes that the format could not hold: " in err and "ä b.png (2 of 3)" in err


def test_points_become_boxes_of_the_size_of_a_cell(tmp_path: Path, images: Path, convert) -> None:
    points = tmp_path / "points.csv"
    points.write_text("image,x,y\ndead/c.jpg,10,8\ndead/c.jpg,20.5,12\n")
    _, err = convert(points, "cells", "coco", tmp_path / "none.json")
    assert "there are labels of the format cells, but not one is left" in err and "cell_size" in err
    out, _ = convert(points, "cells", "coco", tmp_path / "out.json", "--cell-size", "6")
    assert out == f"wrote 1 images, 2 boxes as coco to {tmp_path / 'out.json'}\n"
    back = json.loads((tmp_path / "out.json").read_text())
    assert [one["bbox"] for one in back["annotations"]] == [[7, 5, 6, 6], [17.5, 9, 6, 6]]


def test_nothing_is_written_over(tmp_path: Path, labels: Path, convert) -> None:
    (tmp_path / "out").mkdir()
    convert(labels, "coco", "voc", tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.xml"))) == 2
    out, err = convert(labels, "coco", "celllab", tmp_path / "out")
    assert out == "" and f"{tmp_path / 'out'}: exists already; remove it" in err
    _, err = convert(labels, "coco", "coco", labels)
    assert f"{labels}: exists already" in err


def test_labels_that_are_not_there(tmp_path: Path, convert) -> None:
    _, err = convert(tmp_path / "none.json", "coco", "voc", tmp_path / "out")
    assert err == f"sissi: no such file or folder: {tmp_path / 'none.json'}\n"


def test_labels_of_other_images(tmp_path: Path, labels: Path, convert) -> None:
    labels.write_text(json.dumps({"images": [], "annotations": []}))
    out, err = convert(labels, "coco", "voc", tmp_path / "out")
    assert out == "" and f"{labels}: has no labels of the format coco for an image in" in err
    assert not (tmp_path / "out").exists()
