"""Names of images in label files, as they are and as other tools have changed them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sissi.data.formats.names import LABELS_WITHOUT_IMAGE, loose, match_names
from sissi.data.problems import Problems


def match(listed: list[str], *images: str) -> tuple[list[str | None], list[tuple[str, str]]]:
    problems = Problems()
    found = match_names(Path("labels"), dict(enumerate(listed)), {name: Path(name) for name in images}, problems)
    return list(found.values()), [(one.kind, one.detail) for one in problems.found]


@pytest.mark.parametrize(
    "listed",
    ["a b.1.png", "x/a b.1.PNG", "A B.1.TIF", "a b.1", "c:x\\a b.1.jpg", "a_b.1.png", "a b.1.ome.tif", "a b.1.gif"],
)
def test_a_name_with_another_suffix_case_or_none_finds_its_image(listed: str) -> None:
    listed = listed.removeprefix("c:")
    assert match([listed], "plate/a b.1.tif", "plate/a b.2.tif") == (["plate/a b.1.tif"], [])


def test_the_ome_of_a_suffix_is_no_part_of_the_name() -> None:
    assert match(["p.png", "q.ome"], "p.ome.tif", "q.ome.tiff") == (["p.ome.tif", "q.ome.tiff"], [])


@pytest.mark.parametrize(
    ("listed", "images"),
    [
        (["a.png"], ["a.tif", "a.jpg"]),
        (["a.png", "A.bmp"], ["a.tif"]),
        (["a.png"], ["x/a.tif", "y/a.tif"]),
        (["a.1"], ["a.2.tif"]),
        (["a"], ["a.1.tif"]),
    ],
)
def test_a_name_that_could_be_several_or_none_is_shown(listed: list[str], images: list[str]) -> None:
    found, problems = match(listed, *images)
    assert found == [None] * len(listed)
    assert problems == [(LABELS_WITHOUT_IMAGE, name) for name in listed]


def test_the_nearest_name_goes_first() -> None:
    assert match(["a.png", "A.png", "a.tif"], "A.png", "a.png", "a.tif")[0] == ["a.png", "A.png", "a.tif"]
    assert match(["x/a.png", "a.jpg"], "a.png", "y/a.tif")[0] == ["a.png", "y/a.tif"]


def test_two_images_of_one_name_and_folders_that_tell_them_apart() -> None:
    assert match(["x/a.png", "y/a.png"], "x/a.tif", "y/a.tif") == (["x/a.tif", "y/a.tif"], [])


def test_what_an_upload_does_to_a_name() -> None:
    assert loose("my Image (1).PNG") == loose("my_image_1.tif") == "my_image_1"
    assert match(["my_image_1.png"], "my image (1).png") == (["my image (1).png"], [])
