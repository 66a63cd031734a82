"""What a command line names: a folder, patterns, single files."""

from pathlib import Path

import pytest

from sissi.data.image_arguments import given_images
from sissi.data.problems import Problems
from sissi.errors import DataError

FILES = (
    *("a.png", "b.JPG", "notes.txt", "sub/c.tif", "lab/alive/d.png", "lab/dead/d.png", "lab/e.png", "weiß e/ü 1.png"),
    *("pose/1_img.png", "pose/1_masks.png", "masks/1_masks.png"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["."], ["a.png", "b.JPG"]),  # a folder: not what is below it
        (["lab"], ["alive/d.png", "dead/d.png"]),  # but its folders alive, dead and inhib
        (["lab/dead"], ["d.png"]),
        (["a.png"], ["a.png"]),
        (["notes.txt"], ["notes.txt"]),  # named by hand; reading it tells that it is no image
        (["lab/dead/d.png"], ["dead/d.png"]),  # the folder is kept: it names the pipeline
        (["*"], ["a.png", "b.JPG"]),
        (["**/d.png"], ["alive/d.png", "dead/d.png"]),
        (["*.png", "a.png", "sub"], ["a.png", "sub/c.tif"]),  # each once
        (["lab", "sub/*.tif"], ["lab/alive/d.png", "lab/dead/d.png", "sub/c.tif"]),
        (["weiß e/*.png"], ["ü 1.png"]),
        (["pose"], ["1_img.png"]),  # masks of cells are no images
        (["pose/*"], ["1_img.png"]),
    ],
)
def test_images_have_their_path_below_the_folder_that_all_are_in(
    folder: Path, arguments: list[str], names: list[str]
) -> None:
    found = given_images(arguments, Problems())
    assert list(found) == names
    assert all(path.exists() for path in found.values())
    absolute = given_images([str(folder / argument) for argument in arguments], Problems())
    assert list(absolute) == names


def test_images_beside_the_category_folders_are_told(folder: Path) -> None:
    problems = Problems()
    given_images(["lab"], problems)
    assert [problem.file.name for problem in problems.found] == ["e.png"]


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("nowhere", "nowhere: no such file or folder"),
        ("*.bmp", "no image matches"),
        ("notes*", "no image matches"),
        ("masks", "has masks of cells, and no image"),
    ],
)
def test_what_names_no_image_is_refused(folder: Path, argument: str, told: str) -> None:
    with pytest.raises(DataError, match=rf"IMAGES: .*{told}"):
        given_images(["a.png", argument], Problems())
