"""CZI files, written by Zeiss's own library; without it they are refused with what to install."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from sissi.config import ImageReading
from sissi.data.images.read import image_size, read_image, unread_parts
from sissi.data.images.stretch import stretch
from sissi.errors import DataError

HEIGHT, WIDTH = 20, 30


def pixels(*sizes: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 2**16, (*sizes, HEIGHT, WIDTH), dtype=np.uint16)


def write(path: Path, values: np.ndarray, scenes: int = 1) -> Path:
    """A file of (T, Z, C, H, W) pixels, the same in each scene but one brighter."""
    czi = pytest.importorskip("pylibCZIrw.czi")
    with czi.create_czi(str(path)) as file:
        for scene in range(scenes):
            for t, z, c in np.ndindex(values.shape[:3]):
                place = {"location": (100 * scene, 0), "scene": scene} if scenes > 1 else {}
                file.write(data=values[t, z, c][..., None] + np.uint16(scene), plane={"T": t, "Z": z, "C": c}, **place)
    return path


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(stretch(values)[..., None], 3, axis=2)


def test_a_single_plane(tmp_path: Path) -> None:
    values = pixels(1, 1, 1)
    path = write(tmp_path / "a.czi", values)
    np.testing.assert_array_equal(read_image(path), grey(values[0, 0, 0]))
    assert image_size(path) == (HEIGHT, WIDTH)
    assert unread_parts(path) == ""


def test_planes_and_channels(tmp_path: Path) -> None:
    values = pixels(2, 3, 2)
    path = write(tmp_path / "A.CZI", values)
    np.testing.assert_array_equal(read_image(path), grey(values[0, 0, 0]))
    said = unread_parts(path)
    assert said.startswith("read: plane 1 of 6 (") and said.endswith(", channel 1 of 2")
    highest = ImageReading(projection="max", channels=(2,))
    np.testing.assert_array_equal(read_image(path, highest), grey(values[0, :, 1].max(axis=0)))
    planes = {read_image(path, ImageReading(plane=plane, channels=(2,))).tobytes() for plane in range(1, 7)}
    assert planes == {grey(plane).tobytes() for plane in values[:, :, 1].reshape(-1, HEIGHT, WIDTH)}
    with pytest.raises(DataError, match=r"A\.CZI: has 6 planes, no plane 7"):
        read_image(path, ImageReading(plane=7))


def test_channels_alone_are_colours(tmp_path: Path) -> None:
    values = pixels(1, 1, 4)
    path = write(tmp_path / "a.czi", values)
    np.testing.assert_array_equal(read_image(path), stretch(np.moveaxis(values[0, 0, :3], 0, -1)))
    assert unread_parts(path) == "read: channels 1 to 3 of 4"
    np.testing.assert_array_equal(read_image(path, ImageReading(channels=(4,))), grey(values[0, 0, 3]))


def test_of_several_scenes_the_first_is_read_and_the_others_are_said(tmp_path: Path) -> None:
    values = pixels(1, 1, 1) // 2
    path = write(tmp_path / "a.czi", values, scenes=3)
    np.testing.assert_array_equal(read_image(path), grey(values[0, 0, 0]))
    assert unread_parts(path) == "read: image 1 of 3 in the file"


def test_colours_are_red_green_and_blue(tmp_path: Path) -> None:
    czi = pytest.importorskip("pylibCZIrw.czi")
    colour = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    with czi.create_czi(str(tmp_path / "a.czi")) as file:
        file.write(data=np.ascontiguousarray(colour[..., ::-1]), plane={"C": 0, "Z": 0, "T": 0})
    np.testing.assert_array_equal(read_image(tmp_path / "a.czi"), colour)
    assert unread_parts(tmp_path / "a.czi") == ""


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pylibCZIrw.czi")
    (tmp_path / "a.czi").write_bytes(b"ZISRAWFILE" + bytes(600))
    with pytest.raises(DataError, match=r"a\.czi: cannot be read as an image"):
        read_image(tmp_path / "a.czi")


def test_without_its_package_a_file_is_refused_with_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylibCZIrw", None)
    (tmp_path / "a.czi").write_bytes(b"ZISRAWFILE" + bytes(600))
    for read in (read_image, image_size):
        with pytest.raises(DataError, match=r"a\.czi: is a CZI file, .*: pip install 'sissi\[czi\]'"):
            read(tmp_path / "a.czi")
