"""Instance masks become boxes: no cell is lost, and what is no mask is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from sissi.boxes import EMPTY, make_boxes
from sissi.data.classes import label_classes
from sissi.data.formats.cellpose import mask_boxes, read_labels, write_labels
from sissi.data.formats.matching import SECOND_FILE
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE
from sissi.data.problems import Problem, Problems
from sissi.data.sample import Sample
from sissi.errors import DataError

MASK = np.zeros((20, 30), np.uint16)
MASK[2:5, 3:9] = 1
MASK[10:20, 29] = 7  # numbers may be left out; this cell touches two edges
BOXES = [[3, 2, 9, 5], [29, 10, 30, 20]]


def save(path: Path, array: np.ndarray) -> Path:
    if path.suffix == ".tif":
        tifffile.imwrite(path, array)
    else:
        Image.fromarray(array).save(path)
    return path


def read(
    folder: Path, *names: str, classes: tuple[str, ...] | None = None
) -> tuple[dict[str, list[list[float]]], list[Problem]]:
    problems = Problems()
    for name in names:
        if not (folder / name).exists():
            save(folder / name, np.zeros((20, 30), np.uint8))
    found = read_labels(folder, {name: folder / name for name in names}, label_classes({}, classes), problems)
    return {name: boxes.xyxy.tolist() for name, boxes in found.items()}, problems.found


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.uint32, np.float32, np.float64])
def test_boxes_of_a_mask(tmp_path: Path, suffix: str, dtype: type) -> None:
    if suffix == ".png" and dtype not in (np.uint8, np.uint16):
        suffix = ".tif"
    save(tmp_path / f"000_masks{suffix}", MASK.astype(dtype))
    assert read(tmp_path, "000_img.png", "001_img.png") == ({"000_img.png": BOXES}, [])


def test_a_mask_beside_an_image_without_img_in_its_name(tmp_path: Path) -> None:
    save(tmp_path / "scan.1_masks.png", MASK)
    assert read(tmp_path, "scan.1.png") == ({"scan.1.png": BOXES}, [])


@pytest.mark.parametrize("image", ["a.tif", "a_img.tif"])
@pytest.mark.parametrize("mask", ["a_masks.tif", "a_cp_masks.png", "a_seg.npy", "A_Masks.tif"])
def test_every_name_that_cellpose_gives_a_mask(tmp_path: Path, image: str, mask: str) -> None:
    if mask.endswith(".npy"):
        np.save(tmp_path / mask, {"masks": MASK}, allow_pickle=True)  # type: ignore[arg-type]
    else:
        save(tmp_path / mask, MASK)
    assert read(tmp_path, image, "b.tif") == ({image: BOXES}, [])


def test_masks_that_carry_the_whole_name_of_their_image(tmp_path: Path) -> None:
    for name in ("a_img_cp_masks.png", "p_masks.tif"):
        save(tmp_path / name, MASK)
    assert read(tmp_path, "a_img.png", "p.ome.tif") == ({"a_img.png": BOXES, "p.ome.tif": BOXES}, [])


def test_of_several_masks_the_first_name_counts_and_the_others_are_noted(tmp_path: Path) -> None:
    save(tmp_path / "a_cp_masks.png", np.ones_like(MASK))
    save(tmp_path / "a_masks.png", MASK)
    found, problems = read(tmp_path, "a.png")
    assert found == {"a.png": BOXES}
    assert problems == [Problem(tmp_path / "a_cp_masks.png", SECOND_FILE, "a_masks.png is")]


def test_a_mask_of_several_planes_is_noted(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a_masks.tif", np.stack([MASK, MASK * 0]), photometric="minisblack")
    found, problems = read(tmp_path, "a.png")
    assert found == {"a.png": BOXES}
    assert problems == [Problem(tmp_path / "a_masks.tif", "mask that is read in part", "read: page 1 of 2")]


@pytest.mark.parametrize("mask", ["a.png", "a.tif", "a_masks.png", "A.tif"])
def test_masks_in_another_folder_may_have_the_name_of_their_image(tmp_path: Path, mask: str) -> None:
    (tmp_path / "images" / "alive").mkdir(parents=True)
    (tmp_path / "masks").mkdir()
    images = {"alive/a.png": tmp_path / "images" / "alive" / "a.png"}
    save(images["alive/a.png"], np.zeros((20, 30), np.uint8))
    save(tmp_path / "masks" / mask, MASK)
    save(tmp_path / "masks" / "b.png", MASK)
    problems = Problems()
    found = read_labels(tmp_path / "masks", images, label_classes({}), problems)
    assert {name: boxes.xyxy.tolist() for name, boxes in found.items()} == {"alive/a.png": BOXES}
    assert problems.found == [Problem(tmp_path / "masks" / "b.png", LABELS_WITHOUT_IMAGE)]


def test_palette_masks_hold_indices(tmp_path: Path) -> None:
    image = Image.fromarray(MASK.astype(np.uint8), "L").copy()
    image.putpalette(list(range(255, 231, -1)))
    image.save(tmp_path / "000_masks.png")
    assert read(tmp_path, "000_img.png")[0] == {"000_img.png": BOXES}


def test_a_black_and_white_file_is_one_cell(tmp_path: Path) -> None:
    save(tmp_path / "000_masks.png", MASK == 1)
    assert read(tmp_path, "000_img.png") == ({"000_img.png": BOXES[:1]}, [])


def test_without_background_the_first_cell_stays() -> None:
    halves = np.full((4, 6), 1)
    halves[:, 2:] = 2
    assert mask_boxes(halves).xyxy.tolist() == [[0, 0, 2, 4], [2, 0, 6, 4]]
    assert mask_boxes(np.full((4, 6), 9)).xyxy.tolist() == [[0, 0, 6, 4]]


def test_a_mask_without_cells(tmp_path: Path) -> None:
    save(tmp_path / "000_masks.png", np.zeros((20, 30), np.uint8))
    assert read(tmp_path, "000_img.png") == ({"000_img.png": []}, [])


@pytest.mark.parametrize("background", [0, 1], ids=["background", "no background"])
def test_large_numbers_take_no_memory(background: int) -> None:
    cells = np.where(MASK == 0, 0 if background == 0 else 2**31, MASK.astype(np.int64) + 2**31)
    expected = BOXES if background == 0 else [[0, 0, 30, 20], *BOXES]
    assert mask_boxes(cells).xyxy.tolist() == expected


def brute_force(mask: np.ndarray) -> list[list[float]]:
    boxes = []
    for number in sorted(set(mask.ravel().tolist()) - {0}):
        rows, columns = np.nonzero(mask == number)
        boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    return boxes


@given(arrays.arrays(np.int64, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.integers(0, 6)))
def test_boxes_are_the_outermost_pixels(mask: np.ndarray) -> None:
    assert mask_boxes(mask).xyxy.tolist() == brute_force(mask)


@given(arrays.arrays(np.int64, (4, 5), elements=st.sampled_from([0, 3, 70_000, 2**40])))
def test_boxes_of_sparse_numbers(mask: np.ndarray) -> None:
    assert mask_boxes(mask).xyxy.tolist() == brute_force(mask)


# --- what is noted and refused ----------------------------------------------------------------------------------------


def test_masks_without_an_image_are_noted_and_images_are_none(tmp_path: Path) -> None:
    save(tmp_path / "000_masks.png", MASK)
    save(tmp_path / "001_masks.png", MASK)
    found, problems = read(tmp_path, "000_img.png")
    assert found == {"000_img.png": BOXES}
    assert problems == [Problem(tmp_path / "001_masks.png", LABELS_WITHOUT_IMAGE)]


def test_a_white_mask_is_noted(tmp_path: Path) -> None:
    save(tmp_path / "000_masks.png", (MASK > 0) * np.uint8(255))
    found, problems = read(tmp_path, "000_img.png")
    assert found == {"000_img.png": [[3, 2, 30, 20]]}
    assert [problem.file for problem in problems] == [tmp_path / "000_masks.png"]
    assert "black and white" in problems[0].kind


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (MASK.astype(np.float32) / 2, "fractions or NaN"),
        (np.where(MASK == 0, np.nan, MASK).astype(np.float32), "fractions or NaN"),
        (np.where(MASK == 0, np.inf, MASK).astype(np.float32), "fractions or NaN"),
        (MASK.astype(np.complex64), "fractions or NaN"),
        (MASK.astype(np.int32) - 1, "negative"),
        (np.repeat(MASK[..., None].astype(np.uint8), 3, axis=2), "colour"),
    ],
    ids=["fractions", "nan", "infinity", "complex", "negative", "colour"],
)
def test_what_is_no_mask_is_refused(tmp_path: Path, mask: np.ndarray, reason: str) -> None:
    save(tmp_path / "000_masks.tif", mask)
    with pytest.raises(DataError, match=f"{tmp_path}/000_masks.tif: .*{reason}.*; a mask"):
        read(tmp_path, "000_img.png")


def test_another_size_than_the_image_names_both(tmp_path: Path) -> None:
    save(tmp_path / "000_masks.png", MASK.T.copy())
    message = f"{tmp_path}/000_masks.png: has 20 x 30 px, but its image {tmp_path}/000_img.png has 30 x 20; "
    with pytest.raises(DataError, match=message):
        read(tmp_path, "000_img.png")


def test_a_mask_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "000_masks.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=f"{tmp_path}/000_masks.png: is not a PNG"):
        read(tmp_path, "000_img.png")


def test_masks_have_no_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path}: masks have no classes; leave `classes` out"):
        read(tmp_path, "000_img.png", classes=("cell",))


# --- writing ----------------------------------------------------------------------------------------------------------


def test_files_are_named_as_cellpose_does(tmp_path: Path) -> None:
    names = ("000_img.png", "alive/b.jpg")
    samples = [Sample(name, tmp_path / name, 20, 30, EMPTY) for name in names]
    files = write_labels(samples, [make_boxes(BOXES), EMPTY], tmp_path / "out")
    assert files == [tmp_path / "out" / "000_masks.png", tmp_path / "out" / "alive" / "b_masks.png"]
    assert np.asarray(Image.open(files[0])).dtype == np.uint16
    with pytest.raises(DataError, match=r"a_masks\.png: would hold the labels of a\.png, a\.jpg; rename one"):
        many = [Sample(name, tmp_path / name, 20, 30, EMPTY) for name in ("a.png", "a.jpg")]
        write_labels(many, [EMPTY, EMPTY], tmp_path / "out")
