"""What a command line names: a folder, patterns, single files."""

from pathlib import Path

import pytest

from sissi.data.image_arguments import find_arguments
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
        (["*.[pJ]*"], ["a.png", "b.JPG"]),
        (
            ["s*"],
            ["c.tif"],
        ),  # a folder that a pattern matches, as a shell would give it; one without images is passed over
        (["[am]*"], ["a.png"]),
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
    found = find_arguments(arguments, Problems())
    assert list(found) == names
    assert all(path.exists() for path in found.values())
    absolute = find_arguments([str(folder / argument) for argument in arguments], Problems())
    assert list(absolute) == names


def test_images_beside_the_category_folders_are_told(folder: Path) -> None:
    problems = Problems()
    find_arguments(["lab"], problems)
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
        find_arguments(["a.png", argument], Problems())


@pytest.fixture
def plates(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "plate 1/b.png",
        "plate 1/a.TIF",
        "plate 1/.hidden.png",
        "plate 1/notes.txt",
        "plate ü/a.png",
        "x.jpg",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (["plate 1"], ["a.TIF", "b.png"]),
        (["plate 1/b.png"], ["b.png"]),
        (["plate 1/notes.txt"], ["notes.txt"]),  # named by itself: the content decides
        (["plate*/*"], ["plate 1/a.TIF", "plate 1/b.png", "plate ü/a.png"]),
        (["plate*"], ["plate 1/a.TIF", "plate 1/b.png", "plate ü/a.png"]),
        (["**/a.*"], ["plate 1/a.TIF", "plate ü/a.png"]),
        (["x.jpg", "plate 1", "plate 1/b.png"], ["plate 1/a.TIF", "plate 1/b.png", "x.jpg"]),
    ],
)
def test_folders_patterns_and_files_give_each_image_once_under_its_name(plates, places, names):
    found = find_arguments(places, Problems())
    assert list(found) == names
    assert all(path.is_absolute() and path.as_posix().endswith(name) for name, path in found.items())


@pytest.mark.parametrize("place", ["nowhere", "nowhere/*.png", "plate 1/*.bmp", "empty"])
def test_a_place_without_images_is_named(plates, place):
    (plates / "empty").mkdir()
    with pytest.raises(DataError, match=place.replace("*", r"\*")):
        find_arguments(["x.jpg", place], Problems())


@pytest.mark.parametrize("place", ["plate 1", "plate 1/w*", "plate 1/w\udce4rme.png"])
def test_a_name_that_is_not_utf_8_is_refused_however_it_is_given(plates, place):
    try:
        (plates / "plate 1/b.png").rename(plates / "plate 1/w\udce4rme.png")
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    with pytest.raises(DataError, match=r"rme\.png: the name is not UTF-8; rename"):
        find_arguments([place], Problems())


@pytest.mark.parametrize("arguments", [["mixed"], ["mixed/*"], ["**/*"]])
def test_files_that_look_like_images_and_are_not_used_are_noted(folder: Path, arguments: list[str]) -> None:
    (folder / "mixed").mkdir()
    for name in ("a.tif", "a_masks.tif", "b.lif", "c.GIF", "d_masks.tif", "e.nd2", "f.czi", "g.txt"):
        (folder / "mixed" / name).touch()
    problems = Problems()
    found = find_arguments(arguments, problems)
    assert {path.name for path in found.values() if path.parent.name == "mixed"} == {"a.tif", "e.nd2", "f.czi"}
    noted = {one.file.name: one.kind for one in problems.found if one.file.parent.name == "mixed"}
    assert noted == {
        "b.lif": "image of a kind that is not read, not used: save it as TIFF or PNG",
        "c.GIF": "image of a kind that is not read, not used: save it as TIFF or PNG",
        "d_masks.tif": "file with the name of a mask, and no image of that name, not used",
    }


@pytest.mark.parametrize("argument", ["mixed", "mixed/*"])
def test_a_folder_of_images_that_cannot_be_read_names_their_kinds(folder: Path, argument: str) -> None:
    (folder / "mixed").mkdir()
    for name in ("b.lif", "c.GIF"):
        (folder / "mixed" / name).touch()
    with pytest.raises(DataError, match=r"there are files of kinds that are not read: \.gif, \.lif"):
        find_arguments([argument], Problems())
