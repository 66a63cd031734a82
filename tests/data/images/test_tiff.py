"""Which page or channels of a TIFF become the image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile

from sissi.data.images import read, tiff
from sissi.data.images.read import image_size, read_image, read_values
from sissi.errors import DataError

RANDOM = np.random.default_rng(1)
STACK = RANDOM.integers(0, 65536, (5, 20, 30), dtype=np.uint16)
STACK8 = (STACK >> 8).astype(np.uint8)
BLACK = np.zeros_like(STACK[0])


@pytest.mark.parametrize("stack", [STACK, STACK8], ids=["16 bit", "8 bit"])
@pytest.mark.parametrize("how", [{"imagej": True}, {"ome": True}], ids=["ImageJ", "OME"])
@pytest.mark.parametrize("channels", [2, 3, 5])
def test_channels_become_red_green_and_blue(
    tmp_path: Path, stack: np.ndarray, how: dict[str, Any], channels: int
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack[:channels], metadata={"axes": "CYX"}, photometric="minisblack", **how)
    blue = stack[2] if channels > 2 else np.zeros_like(stack[0])
    np.testing.assert_array_equal(read_values(path), np.stack([stack[0], stack[1], blue], axis=-1))
    assert image_size(path) == (20, 30)


@pytest.mark.parametrize("stack", [STACK, STACK8], ids=["16 bit", "8 bit"])
@pytest.mark.parametrize("layout", [{"photometric": "minisblack"}, {"photometric": "rgb", "planarconfig": "separate"}])
def test_a_channel_first_array_becomes_colour(tmp_path: Path, stack: np.ndarray, layout: dict[str, Any]) -> None:
    tifffile.imwrite(tmp_path / "a.tif", stack[:3], **layout)
    np.testing.assert_array_equal(read_values(tmp_path / "a.tif"), stack[:3].transpose(1, 2, 0))


@pytest.mark.parametrize("stack", [STACK, STACK8], ids=["16 bit", "8 bit"])
@pytest.mark.parametrize(
    ("pages", "options"),
    [
        (5, {"photometric": "minisblack"}),
        (2, {"photometric": "minisblack"}),
        (3, {"imagej": True, "metadata": {"axes": "ZYX"}}),
        (3, {"ome": True, "metadata": {"axes": "TYX"}, "photometric": "minisblack"}),
    ],
    ids=["five pages", "two pages", "depth", "time"],
)
def test_of_any_other_stack_the_first_page_is_read(
    tmp_path: Path, stack: np.ndarray, pages: int, options: dict[str, Any]
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", stack[:pages], **options)
    np.testing.assert_array_equal(read_values(tmp_path / "a.tif"), stack[0])


@pytest.mark.parametrize("stack", [STACK, STACK8], ids=["16 bit", "8 bit"])
def test_white_is_zero(tmp_path: Path, stack: np.ndarray) -> None:
    top = np.iinfo(stack.dtype).max
    tifffile.imwrite(tmp_path / "a.tif", top - stack[0], photometric="miniswhite")
    np.testing.assert_array_equal(read_values(tmp_path / "a.tif"), stack[0])


@pytest.mark.parametrize("options", [{"bigtiff": True}, {"byteorder": ">"}, {"compression": "zlib", "predictor": True}])
def test_variants_of_the_file(tmp_path: Path, options: dict[str, Any]) -> None:
    for stack in (STACK, STACK8):
        tifffile.imwrite(tmp_path / "a.tif", stack[0], **options)
        np.testing.assert_array_equal(read_values(tmp_path / "a.tif"), stack[0])


def test_tiles(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK[0], tile=(16, 16))
    np.testing.assert_array_equal(read_values(tmp_path / "a.tif"), STACK[0])


def test_a_page_of_five_samples_gives_its_first_three(tmp_path: Path) -> None:
    samples = STACK8.transpose(1, 2, 0)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="minisblack", planarconfig="contig")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), samples[..., :3])


@pytest.mark.parametrize("stack", [STACK, STACK8], ids=["16 bit", "8 bit"])
def test_of_grey_with_alpha_the_grey_is_read(tmp_path: Path, stack: np.ndarray) -> None:
    samples = np.stack([stack[0], np.full_like(stack[0], 7)], axis=-1)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="minisblack", extrasamples=["unassalpha"])
    tifffile.imwrite(tmp_path / "b.tif", stack[0])
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), read_image(tmp_path / "b.tif"))


def test_a_volume_in_one_page_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "volume.tif", STACK[:, :16, :16], volumetric=True, tile=(16, 16, 16))
    with pytest.raises(DataError, match=r"volume\.tif: .*not those of one image"):
        read_image(tmp_path / "volume.tif")


def test_without_a_codec_opencv_decodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    colour = STACK[:3].transpose(1, 2, 0)
    (tmp_path / "lzw.tif").write_bytes(cv2.imencode(".tif", np.ascontiguousarray(colour[..., ::-1]))[1].tobytes())
    expected = read_image(tmp_path / "lzw.tif")

    def no_codec(self: object, **options: object) -> None:
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tiff.tifffile.TiffPage, "asarray", no_codec)
    with pytest.raises(tiff.CodecMissing):
        tiff.read(tmp_path / "lzw.tif")
    np.testing.assert_array_equal(read.read_values(tmp_path / "lzw.tif"), colour)
    np.testing.assert_array_equal(read_image(tmp_path / "lzw.tif"), expected)
