"""Odd and broken input from file to sample: used as it should be, or refused by name.

Damaged, truncated and empty images, alpha, CMYK, EXIF and bombs are in test_images; entities in test_voc and test_cvat;
ids that come twice or are unknown, and names that climb, in test_coco; masks of floats or with gaps in test_cellpose.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from sissi.boxes import EMPTY, make_boxes
from sissi.config import LabelledImages
from sissi.data.cleaning import clean
from sissi.data.find import find_images
from sissi.data.images.folder import image_files
from sissi.data.images.read import image_size, read_image
from sissi.data.load import load_images
from sissi.data.problems import Problem, Problems, printable
from sissi.data.sample import Sample
from sissi.errors import DataError
from tests.data.formats.label_writing import coco, image, text


def load(folder: Path, **settings: Any) -> tuple[list[Sample], list[Problem]]:
    problems = Problems()
    given = LabelledImages(**{"format": "celllab", "images": "images"} | settings)
    return load_images(given, folder, problems, "data.target_train"), problems.found


# --- images -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_an_image_of_one_px(tmp_path: Path, dtype: type) -> None:
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "a.tif", np.full((1, 1), 7, dtype))
    text(tmp_path / "images" / "a.txt", "cell 0 0 1 1", "cell 0 0 9 9")
    samples, problems = load(tmp_path)
    assert (samples[0].height, samples[0].width) == (1, 1)
    assert samples[0].boxes.xyxy.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1]]
    assert [problem.kind for problem in problems] == ["box over the edge of the image, cut"]


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_an_image_of_20_000_px(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "images").mkdir()
    path = tmp_path / "images" / f"a.{suffix}"
    Image.new("L", (20_000, 50), 90).save(path)
    text(path.with_suffix(".txt"), "cell 19990 10 20000 20")
    samples, problems = load(tmp_path)
    assert (samples[0].height, samples[0].width) == image_size(path) == (50, 20_000)
    assert samples[0].boxes.xyxy.tolist() == [[19_990, 10, 20_000, 20]]
    assert problems == []


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_of_which_few_are_used_are_stretched(tmp_path: Path, suffix: str) -> None:
    ramp = np.linspace(1000, 1255, 40 * 50).reshape(40, 50).astype(np.uint16)  # a twelve-bit camera in dim light
    path = tmp_path / f"a{suffix}"
    Image.fromarray(ramp).save(path)
    seen = read_image(path)[..., 0].astype(int)
    assert (seen.min(), seen.max()) == (0, 255)
    np.testing.assert_allclose(seen, ramp.astype(int) - 1000, atol=1)


def test_nan_in_a_float_tiff_is_black_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 40 * 50).reshape(40, 50).astype(np.float32)
    tifffile.imwrite(tmp_path / "whole.tif", values)
    holes = values.copy()
    holes[5:9, 5:9] = np.nan
    tifffile.imwrite(tmp_path / "holes.tif", holes)
    whole, seen = (read_image(tmp_path / name).astype(int) for name in ("whole.tif", "holes.tif"))
    assert not seen[5:9, 5:9].any()
    seen[5:9, 5:9] = whole[5:9, 5:9]
    np.testing.assert_allclose(seen, whole, atol=1)


# --- names and links --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mit leer", "Zähler-µ", "細胞", "a.b.c", "100%", "x#1 [2]", "-dash", "quote'\""])
@pytest.mark.parametrize("format", ["celllab", "coco"])
def test_names_and_folders_of_any_letters(tmp_path: Path, name: str, format: str) -> None:
    folder = tmp_path / f"{name} Ordner"
    image(folder / "images" / f"{name}.png")
    text(folder / "images" / f"{name}.txt", "cell 1 2 4 6")
    coco(folder / "ä labels.json", **{name: [[1, 2, 3, 4]]})
    samples, problems = load(folder, format=format, labels="ä labels.json" if format == "coco" else None)
    assert [(one.name, one.boxes.xyxy.tolist()) for one in samples] == [(f"{name}.png", [[1, 2, 4, 6]])]
    assert problems == []


def latin_1(folder: Path, ending: str) -> Path:
    """A file with a name that is no UTF-8, or a skip where the file system refuses it."""
    path = folder / os.fsdecode(b"z\xe4hler" + ending.encode())
    try:
        path.write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    return path


def test_an_image_whose_name_is_not_utf_8_is_refused_by_name(tmp_path: Path) -> None:
    latin_1(tmp_path, ".png")
    with pytest.raises(
        DataError, match=r"data\.source_val\.images: .*z\\udce4hler\.png: the name is not UTF-8; rename"
    ):
        find_images(tmp_path, "voc", Problems(), "data.source_val.images")


def test_a_label_file_whose_name_is_not_utf_8_can_be_told(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    text(tmp_path / "images" / "a.txt", "cell 1 2 4 6")
    latin_1(tmp_path / "images", ".txt")
    problems = Problems()
    load_images(LabelledImages(format="celllab", images=Path("images")), tmp_path, problems, "data.source_val")
    (line,) = problems.summary()
    assert line.startswith("1 x labels without their image, not used: ") and r"z\udce4hler.txt" in line
    assert line.encode()


def test_printable_changes_nothing_else() -> None:
    assert printable("Zähler 細胞") == "Zähler 細胞"


@pytest.mark.parametrize("target", ["b.png", "gone.png"])
def test_a_link_in_a_circle_or_to_nothing_is_no_image_that_is_left_out(tmp_path: Path, target: str) -> None:
    (tmp_path / "b.png").symlink_to("a.png")
    (tmp_path / "a.png").symlink_to(target)
    assert [path.name for path in image_files(tmp_path)] == ["a.png", "b.png"]
    for read in (read_image, image_size):
        with pytest.raises(DataError, match=r"a\.png: is a symbolic link that leads nowhere, or in a circle; replace"):
            read(tmp_path / "a.png")


def test_a_folder_that_holds_itself_is_read_once(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    text(tmp_path / "images" / "a.txt", "cell 1 2 4 6")
    (tmp_path / "images" / "again").symlink_to(tmp_path / "images")
    (tmp_path / "images" / "alive.png").symlink_to(tmp_path)
    samples, problems = load(tmp_path)
    assert [one.name for one in samples] == ["a.png"]
    assert problems == []


def test_a_data_folder_that_is_a_link_in_a_circle(tmp_path: Path, sissi) -> None:
    (tmp_path / "data").symlink_to("data")
    code, out, _ = sissi("data", "check", "experiments/bccd.yaml", "--set", f"data.folder={tmp_path / 'data'}")
    assert code == 1
    assert f"data.target_train.images: no such file or folder: {tmp_path}/data/bccd" in out


# --- labels -----------------------------------------------------------------------------------------------------------


def test_negative_and_inverted_boxes_of_coco_are_dropped_and_noted(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    coco(tmp_path / "a.json", a=[[1, 2, 3, 4], [10, 10, -5, 5], [10, 10, 5, -5], [-9, 1, 5, 5], [-2, 1, 5, 5]])
    samples, problems = load(tmp_path, format="coco", labels="a.json")
    assert samples[0].boxes.xyxy.tolist() == [[1, 2, 4, 6], [0, 1, 3, 6]]
    assert [problem.kind for problem in problems] == [
        "box without width or height, dropped",
        "box without width or height, dropped",
        "box outside the image, dropped",
        "box over the edge of the image, cut",
    ]


@pytest.mark.parametrize("format", ["coco", "label_studio", "cvat"])
def test_an_empty_list_has_no_labels_for_any_image(tmp_path: Path, format: str) -> None:
    image(tmp_path / "images" / "a.png")
    empty = {"coco": json.dumps({"images": [], "annotations": []}), "label_studio": "[]", "cvat": "<annotations/>"}
    text(tmp_path / "labels", empty[format])
    with pytest.raises(DataError, match=f"data.target_train: no image has labels of the format {format} in"):
        load(tmp_path, format=format, labels="labels")


def test_images_without_annotations_are_images_without_cells(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    coco(tmp_path / "a.json", a=[])
    samples, problems = load(tmp_path, format="coco", labels="a.json")
    assert (len(samples[0].boxes), problems) == (0, [])


def test_a_hundred_thousand_bad_boxes_are_told_in_a_few_lines(tmp_path: Path) -> None:
    rows = np.tile(np.array([[5, 5, 5, 9], [500, 5, 600, 9], [np.nan, 1, 2, 3], [-5, 1, 2, 3]]), (25_000, 1))
    problems = Problems()
    kept = clean(make_boxes(rows), Sample("a.png", tmp_path / "a.png", 20, 30, EMPTY), "here", problems)
    assert len(kept) == 25_000
    assert len(problems.found) == 100_000
    assert [line.split(" x ")[0] for line in problems.summary()] == ["25000"] * 4
