"""ND2 files: nothing writes them but Nikon's own software, so a reader of the same form stands for the package."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sissi.config import ImageReading
from sissi.data.images.read import image_size, read_image, unread_parts
from sissi.data.images.stretch import stretch
from sissi.errors import DataError

HEIGHT, WIDTH = 20, 30


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(stretch(values)[..., None], 3, axis=2)


def install(monkeypatch: pytest.MonkeyPatch, path: Path, axes: str, *sizes: int) -> np.ndarray:
    """A file of these axes, such as TZC, in `nd2`'s form: frames of (C, Y, X, S) without those of size 1."""
    values = np.random.default_rng(3).integers(0, 2**16, sizes, dtype=np.uint16)
    named = dict(zip(axes, sizes, strict=True))
    frames = values.reshape(-1, named.get("C", 1), HEIGHT, WIDTH, named.get("S", 1))

    class ND2File:
        def __init__(self, path: Path) -> None:
            assert path.read_bytes() == b"nd2"
            self.sizes = {axis: size for axis, size in named.items() if size > 1}

        def read_frame(self, index: int) -> Any:
            return frames[index].squeeze()

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *ignored: object) -> None: ...

    monkeypatch.setitem(sys.modules, "nd2", SimpleNamespace(ND2File=ND2File))  # type: ignore[arg-type]
    path.write_bytes(b"nd2")
    return values


def test_planes_and_channels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.ND2"
    values = install(monkeypatch, path, "TPZCYX", 2, 2, 3, 2, HEIGHT, WIDTH)
    np.testing.assert_array_equal(read_image(path), grey(values[0, 0, 0, 0]))
    assert image_size(path) == (HEIGHT, WIDTH)
    assert unread_parts(path) == "read: plane 1 of 12 (time 2 x position 2 x depth 3), channel 1 of 2"
    np.testing.assert_array_equal(read_image(path, ImageReading(plane=5, channels=(2,))), grey(values[0, 1, 1, 1]))
    highest = ImageReading(projection="max", channels=(2,))
    np.testing.assert_array_equal(read_image(path, highest), grey(values[0, 0, :, 1].max(axis=0)))
    assert unread_parts(path, highest) == "read: plane 1 of 4 (time 2 x position 2)"


def test_channels_alone_are_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = install(monkeypatch, tmp_path / "a.nd2", "CYX", 4, HEIGHT, WIDTH)
    np.testing.assert_array_equal(read_image(tmp_path / "a.nd2"), stretch(np.moveaxis(values[:3], 0, -1)))
    assert unread_parts(tmp_path / "a.nd2") == "read: channels 1 to 3 of 4"


def test_colour_and_grey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = install(monkeypatch, tmp_path / "a.nd2", "ZYXS", 2, HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(read_image(tmp_path / "a.nd2", ImageReading(plane=2)), stretch(values[1]))
    values = install(monkeypatch, tmp_path / "b.nd2", "YX", HEIGHT, WIDTH)
    np.testing.assert_array_equal(read_image(tmp_path / "b.nd2"), grey(values))
    assert unread_parts(tmp_path / "b.nd2") == ""


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    pytest.importorskip("nd2")
    (tmp_path / "a.nd2").write_bytes(b"no microscope wrote this" * 40)
    with pytest.raises(DataError, match=r"a\.nd2: cannot be read as an image"):
        read_image(tmp_path / "a.nd2")


def test_without_its_package_a_file_is_refused_with_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nd2", None)
    (tmp_path / "a.nd2").write_bytes(b"nd2")
    for read in (read_image, image_size):
        with pytest.raises(DataError, match=r"a\.nd2: is an ND2 file, .*: pip install 'sissi\[nd2\]'"):
            read(tmp_path / "a.nd2")
