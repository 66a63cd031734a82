"""Which label file belongs to which image, and what is noted about those that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sissi.data.classes import label_classes
from sissi.data.formats.matching import check_classes, check_size, match_files, read_files
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE, label_stems, last_stem, stem
from sissi.data.problems import Problem, Problems
from sissi.errors import DataError


def is_text(file: Path) -> bool:
    return file.suffix == ".txt"


def match(labels: Path, *names: str) -> tuple[dict[str, str], list[Problem]]:
    """The label file of each image, below the folder, and the problems."""
    problems = Problems()
    found = match_files(labels, is_text, {name: label_stems(name) for name in names}, problems)
    return {name: path.relative_to(labels).as_posix() for name, path in found.items()}, problems.found


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(("name", "expected"), [("a.jpg", "a"), ("alive/a.b.jpg", "alive/a.b"), ("a", "a")])
def test_a_stem_keeps_folder_and_dots(name: str, expected: str) -> None:
    assert stem(name) == expected


@pytest.mark.parametrize("name", ["000_img.png", "x/000_masks.tif", "000.txt", "x\\000.jpg", "alive/000.xml"])
def test_an_image_and_its_labels_share_a_last_stem(name: str) -> None:
    assert last_stem(name) == "000"


def test_files_of_the_same_stem_in_the_same_folder(tmp_path: Path) -> None:
    touch(tmp_path, "a.b.txt", "alive/c.txt", "dead/c.txt", ".a.txt", "notes.md")
    found, problems = match(tmp_path, "a.b.png", "alive/c.jpg", "dead/c.jpg", "dead/d.jpg")
    assert found == {"a.b.png": "a.b.txt", "alive/c.jpg": "alive/c.txt", "dead/c.jpg": "dead/c.txt"}
    assert problems == []


def test_images_in_folders_may_have_their_files_in_one(tmp_path: Path) -> None:
    touch(tmp_path, "a.txt", "b.txt")
    found, problems = match(tmp_path, "alive/a.jpg", "dead/b.jpg")
    assert found == {"alive/a.jpg": "a.txt", "dead/b.jpg": "b.txt"}
    assert problems == []


def test_label_files_without_an_image_are_noted(tmp_path: Path) -> None:
    touch(tmp_path, "a.txt", "b.txt", "alive/c.txt")
    found, problems = match(tmp_path, "a.jpg", "alive/d.jpg")
    assert found == {"a.jpg": "a.txt"}
    orphans = [tmp_path / "alive" / "c.txt", tmp_path / "b.txt"]
    assert sorted(problems, key=str) == sorted([Problem(file, LABELS_WITHOUT_IMAGE) for file in orphans], key=str)


def test_a_file_that_two_images_share_is_noted(tmp_path: Path) -> None:
    touch(tmp_path, "a.txt")
    found, problems = match(tmp_path, "a.jpg", "a.png")
    assert found == {"a.jpg": "a.txt", "a.png": "a.txt"}
    assert problems == [
        Problem(tmp_path / "a.txt", "label file that several images share, used for each", "a.jpg, a.png")
    ]


def test_a_second_file_for_an_image_is_noted(tmp_path: Path) -> None:
    touch(tmp_path, "a.TXT", "a.txt")
    problems = Problems()
    found = match_files(tmp_path, lambda file: file.suffix.lower() == ".txt", {"a.jpg": ["a"]}, problems)
    assert found == {"a.jpg": tmp_path / "a.TXT"}
    assert problems.found == [Problem(tmp_path / "a.txt", "second label file of an image, not used", "a.TXT is")]


@pytest.mark.parametrize("file", ["A b.txt", "a_B.txt", "a b.png.txt", "A B.PNG.txt", "plate/A b.txt"])
def test_a_file_whose_name_differs_in_case_or_has_the_suffix_of_the_image(tmp_path: Path, file: str) -> None:
    touch(tmp_path, file, "other.txt")
    found, problems = match(tmp_path, "plate/a b.png", "plate/c.png")
    assert found == {"plate/a b.png": file}
    assert problems == [Problem(tmp_path / "other.txt", LABELS_WITHOUT_IMAGE)]


@pytest.mark.parametrize(("files", "images"), [(["A.txt"], ["x/a.png", "y/a.png"]), (["A.txt", "a_.txt"], ["b.png"])])
def test_a_file_that_could_be_of_several_images_or_of_none(tmp_path: Path, files: list[str], images: list[str]) -> None:
    touch(tmp_path, *files)
    found, problems = match(tmp_path, *images)
    assert found == {}
    assert problems == [Problem(tmp_path / file, LABELS_WITHOUT_IMAGE) for file in files]


def test_the_ome_of_a_suffix_may_be_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "p.txt", "q.ome.txt")
    assert match(tmp_path, "p.ome.tif", "q.ome.tif")[0] == {"p.ome.tif": "p.txt", "q.ome.tif": "q.ome.txt"}


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"no such folder: {tmp_path}/none"):
        match(tmp_path / "none", "a.jpg")
    touch(tmp_path, "file")
    with pytest.raises(DataError, match=f"not a folder: {tmp_path}/file"):
        match(tmp_path / "file", "a.jpg")


def test_all_label_files_that_cannot_be_used_are_named_at_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.txt", "b.txt", "c.txt")
    files = {f"{name}.png": tmp_path / f"{name}.txt" for name in "abc"}

    def read(name: str, file: Path) -> str:
        if name != "b.png":
            raise DataError(f"{file}: is empty")
        return "boxes"

    message = (
        f"{tmp_path}: 2 of 3 label files cannot be used\n  {tmp_path}/a.txt: is empty\n  {tmp_path}/c.txt: is empty"
    )
    with pytest.raises(DataError, match=message):
        read_files(tmp_path, files, read, Problems())
    assert read_files(tmp_path, files, read, Problems(strict=False)) == {"b.png": "boxes"}


@pytest.mark.parametrize(
    ("classes", "found", "noted"),
    [
        (None, {"RBC"}, []),
        (("RBC",), {"RBC", "WBC"}, []),
        (("RBC", "WBC"), {"RBC"}, ["WBC; there are RBC"]),
        (("RBC",), set(), []),
    ],
)
def test_classes_that_are_there(classes: tuple[str, ...] | None, found: set[str], noted: list[str]) -> None:
    problems = Problems()
    check_classes(Path("labels"), label_classes({}, classes), found, problems)
    assert [problem.detail for problem in problems.found] == noted


def test_classes_of_which_none_is_there() -> None:
    with pytest.raises(DataError, match="labels: has no class rbc or wbc; set `classes` to what there is: RBC, WBC"):
        check_classes(Path("labels"), label_classes({}, ("rbc", "wbc")), {"WBC", "RBC"}, Problems())


@pytest.mark.parametrize(
    ("height", "width", "noted"),
    [
        (20, 30, []),
        (20.0, 30.0, []),
        (0, 0, []),
        (None, None, []),
        ("20", 31, []),
        (10**400, 31, []),
        (float("nan"), float("inf"), []),
        (30, 20, ["20 x 30, {image} has 30 x 20"]),
    ],
)
def test_sizes_that_disagree_are_noted(tmp_path: Path, height: object, width: object, noted: list[str]) -> None:
    image = tmp_path / "a.png"
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(image)
    problems = Problems()
    check_size(tmp_path / "a.xml", height, width, image, problems)
    assert [problem.detail for problem in problems.found] == [text.format(image=image) for text in noted]
