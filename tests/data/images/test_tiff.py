"""Which page or channels of a TIFF become the image."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sissi.data.images import read
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


# --- compression and number types -------------------------------------------------------------------------------------

TYPES = ["u1", "u2", "u4", "i1", "i2", "i4", "f4", "f8"]
LOSSLESS = ["lzw", "zlib", "zstd", "lzma", "packbits"]


def drawn(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of a type from its lowest to its highest, smooth enough for each codec."""
    values = np.linspace(0, 1, int(np.prod(shape))).reshape(shape)
    if dtype.startswith("f"):
        return (values * 60000 - 30000).astype(dtype)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    return np.rint(low + values * (float(high) - low)).clip(low, high * (1 - 1e-9)).astype(dtype)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("compression", LOSSLESS)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    layout=st.sampled_from(["grey", "rgb", "planes", "five samples", "channels"]),
    tiled=st.booleans(),
    big=st.booleans(),
    byteorder=st.sampled_from(["<", ">"]),
    predicted=st.booleans(),
)
def test_the_same_pixels_whatever_the_compression(
    tmp_path: Path, dtype: str, compression: str, layout: str, tiled: bool, big: bool, byteorder: Any, predicted: bool
) -> None:
    shapes = {"rgb": (20, 30, 3), "planes": (3, 20, 30), "five samples": (20, 30, 5), "channels": (3, 20, 30)}
    values = drawn(dtype, shapes.get(layout, (20, 30)))
    options: dict[str, Any] = {"photometric": "minisblack", "metadata": None, "bigtiff": big, "byteorder": byteorder}
    options |= {"rgb": {"photometric": "rgb"}, "five samples": {"planarconfig": "contig"}}.get(layout, {})
    options |= {"planes": {"photometric": "rgb", "planarconfig": "separate"}}.get(layout, {})
    if layout == "channels":
        options |= {"metadata": {"axes": "CYX"}, "ome": True}
    tifffile.imwrite(tmp_path / "plain.tif", values, **options)
    predictor = predicted and compression in ("lzw", "zlib", "zstd")
    options |= {"tile": (16, 16)} if tiled else {}
    tifffile.imwrite(tmp_path / "packed.tif", values, compression=compression, predictor=predictor, **options)
    found = read_values(tmp_path / "packed.tif")
    expected = np.moveaxis(values, 0, -1) if layout in ("planes", "channels") else values
    np.testing.assert_array_equal(found, expected[..., :3] if layout == "five samples" else expected)
    np.testing.assert_array_equal(read_image(tmp_path / "packed.tif"), read_image(tmp_path / "plain.tif"))


@pytest.mark.parametrize("compression", ["jpeg2000", "jpegxl", "png", "webp", "lerc"])
def test_codecs_that_pillow_does_not_have(tmp_path: Path, compression: str) -> None:
    values = drawn("u1", (20, 30, 3))
    options = {"compressionargs": {"level": 101}} if compression == "webp" else {}
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", compression=compression, **options)
    np.testing.assert_allclose(read_image(tmp_path / "a.tif").astype(int), values, atol=3)


@pytest.mark.parametrize("photometric", ["rgb", "minisblack"])
def test_jpeg_in_tiff_is_close_whether_its_colours_are_stored_as_ycbcr_or_not(tmp_path: Path, photometric: str) -> None:
    values = np.ascontiguousarray(drawn("u1", (32, 48, 3)) if photometric == "rgb" else drawn("u1", (32, 48)))
    tifffile.imwrite(tmp_path / "a.tif", values, photometric=photometric, compression="jpeg")
    found = read_image(tmp_path / "a.tif").astype(int)
    assert np.abs(found - (values if values.ndim == 3 else values[..., None])).max() <= 6


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 10, 12, 14])
def test_packed_bits_are_stretched_or_scaled_to_8(tmp_path: Path, bits: int) -> None:
    values = (np.arange(20 * 32).reshape(20, 32) * (2**bits - 1) // (20 * 32 - 1)).astype(
        np.uint8 if bits < 9 else np.uint16
    )
    tifffile.imwrite(
        tmp_path / "a.tif", values if bits > 1 else values.astype(bool), bitspersample=bits, photometric="minisblack"
    )
    found = read_image(tmp_path / "a.tif")[..., 0].astype(int)
    np.testing.assert_allclose(found, values * 255.0 / (2**bits - 1), atol=1.5)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4"])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib"])
def test_white_as_the_smallest_number_is_no_negative(tmp_path: Path, dtype: str, compression: str | None) -> None:
    values = drawn(dtype, (20, 30))
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="miniswhite", compression=compression)
    tifffile.imwrite(tmp_path / "b.tif", values, photometric="minisblack")
    light, dark = (read_image(tmp_path / name).astype(int) for name in ("a.tif", "b.tif"))
    np.testing.assert_allclose(light, 255 - dark, atol=1)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("compression", [None, "lzw", "jpeg2000"])
def test_palettes_give_their_colours_and_for_masks_their_indices(
    tmp_path: Path, dtype: str, compression: str | None
) -> None:
    indices = drawn(dtype, (20, 30))
    colours = np.random.default_rng(0).integers(0, 2**16, (3, np.iinfo(dtype).max + 1), dtype=np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, indices, photometric="palette", colormap=colours, compression=compression)
    np.testing.assert_array_equal(read_image(path), np.moveaxis(colours >> 8, 0, -1)[indices])
    np.testing.assert_array_equal(read_values(path), indices)


def test_colours_that_would_come_out_wrong_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", drawn("u2", (20, 30, 4)), photometric="separated")
    with pytest.raises(DataError, match=r"a\.tif: has the colours CMYK in 16 bits, which are not read; save it as RGB"):
        read_image(tmp_path / "a.tif")


def test_a_codec_that_is_missing_is_named_and_refused_with_how_to_get_it(tmp_path: Path) -> None:
    colour = np.ascontiguousarray(STACK[:3].transpose(1, 2, 0))
    tifffile.imwrite(tmp_path / "LZW.tif", colour, photometric="rgb", compression="lzw")
    tifffile.imwrite(tmp_path / "LERC.tif", STACK8[0], compression="lerc")
    tifffile.imwrite(tmp_path / "ZSTD.tif", STACK[0], compression="zstd")
    tifffile.imwrite(tmp_path / "12 bits.tif", STACK[0] >> 4, bitspersample=12)
    tifffile.imwrite(tmp_path / "fine.tif", colour, photometric="rgb", compression="zlib")
    program = (
        "import sys\n"
        "sys.modules['imagecodecs'] = None\n"  # as where that package is not installed
        "from pathlib import Path\n"
        "from sissi.data.images.read import read_image\n"
        "from sissi.errors import DataError\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    try:\n"
        "        read_image(path)\n"
        "    except DataError as error:\n"
        "        print(error)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(read.__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True, env=environment
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    for line, form in zip(lines, ("12 bits", "LERC", "LZW", "ZSTD"), strict=True):
        assert line.startswith(f"{tmp_path}/{form}.tif: ") and form in line.partition(": ")[2]
        assert "takes the package imagecodecs: pip install imagecodecs" in line


def test_a_compression_that_nothing_reads_is_refused_by_name(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK[0])
    content = (tmp_path / "a.tif").read_bytes()
    entry, other = (struct.pack("<HHII", 259, 3, 1, kind) for kind in (1, 34715))
    assert content.count(entry) == 1
    (tmp_path / "a.tif").write_bytes(content.replace(entry, other))
    with pytest.raises(DataError, match=r"a\.tif: is compressed by JBIG2, which is not read; save it as LZW"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("compression", "dtype"), [*product([None, "lzw", "zlib", "packbits", "zstd"], ["u1", "u2"]), ("jpeg", "u1")]
)
def test_a_truncated_file_of_any_compression_is_refused(tmp_path: Path, dtype: str, compression: str | None) -> None:
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, (STACK if dtype == "u2" else STACK8)[0], compression=compression)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=rf"{path}: .*(replace|cut)"):
        read_image(path)
