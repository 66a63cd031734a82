import pytest

from sissi.data.named_images import named_images
from sissi.errors import DataError


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
    found = named_images(places)
    assert list(found) == names
    assert all(path.is_absolute() and path.as_posix().endswith(name) for name, path in found.items())


@pytest.mark.parametrize("place", ["nowhere", "nowhere/*.png", "plate 1/*.bmp", "empty"])
def test_a_place_without_images_is_named(plates, place):
    (plates / "empty").mkdir()
    with pytest.raises(DataError, match=place.replace("*", r"\*")):
        named_images(["x.jpg", place])


@pytest.mark.parametrize("place", ["plate 1", "plate 1/w*", "plate 1/w\udce4rme.png"])
def test_a_name_that_is_not_utf_8_is_refused_however_it_is_given(plates, place):
    try:
        (plates / "plate 1/b.png").rename(plates / "plate 1/w\udce4rme.png")
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    with pytest.raises(DataError, match=r"rme\.png: the name is not UTF-8; rename"):
        named_images([place])
