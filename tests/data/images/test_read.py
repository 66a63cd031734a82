"""Every sort of file becomes (H, W, 3) uint8 RGB as it is seen, or one error that names it."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sissi.data.images import read
from sissi.data.images.folder import image_files
from sissi.data.images.read import image_size, read_image, read_values
from sissi.data.images.stretch import stretch
from sissi.errors import DataError

HEIGHT, WIDTH = 20, 30
RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
GREY16 = RANDOM.integers(0, 65536, (HEIGHT, WIDTH), dtype=np.uint16)
COLOUR16 = RANDOM.integers(0, 65536, (HEIGHT, WIDTH, 3), dtype=np.uint16)
SMOOTH = np.broadcast_to(np.linspace(40, 200, WIDTH).astype(np.uint8)[None, :, None], (HEIGHT, WIDTH, 3))

UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}
"""What a viewer does for each EXIF orientation."""


def grey_rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)


def save(path: Path, array: np.ndarray, mode: str | None = None, **options: Any) -> Path:
    image = Image.fromarray(array)
    (image if mode is None else image.convert(mode)).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff", ".webp"])
@pytest.mark.parametrize("kind", ["grey", "colour"])
def test_8_bit_values_are_kept(tmp_path: Path, suffix: str, kind: str) -> None:
    array = GREY if kind == "grey" else COLOUR
    path = save(tmp_path / f"a{suffix}", array, **({"lossless": True} if suffix == ".webp" else {}))
    image = read_image(path)
    np.testing.assert_array_equal(image, grey_rgb(GREY) if kind == "grey" else COLOUR)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.flags.writeable
    assert image_size(path) == (HEIGHT, WIDTH)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_alpha_is_dropped_without_blending(tmp_path: Path, suffix: str) -> None:
    alpha = np.full((HEIGHT, WIDTH, 1), 3, np.uint8)
    path = tmp_path / f"a{suffix}"
    lossless = {"lossless": True, "exact": True} if suffix == ".webp" else {}
    save(path, np.concatenate([COLOUR, alpha], axis=2), **lossless)
    np.testing.assert_array_equal(read_image(path), COLOUR)


def test_grey_with_alpha(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.merge("LA", [Image.fromarray(GREY), Image.new("L", (WIDTH, HEIGHT), 9)]).save(path)
    np.testing.assert_array_equal(read_image(path), grey_rgb(GREY))


@pytest.mark.parametrize("transparency", [None, 1, bytes([0, 128, 255])])
@pytest.mark.filterwarnings("error")
def test_palette_colours_and_indices(tmp_path: Path, transparency: int | bytes | None) -> None:
    indices = (np.arange(HEIGHT * WIDTH) % 3).reshape(HEIGHT, WIDTH).astype(np.uint8)
    image = Image.fromarray(indices, "L").copy()
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.save(tmp_path / "a.png", **({} if transparency is None else {"transparency": transparency}))
    expected = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90]], np.uint8)[indices]
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)
    np.testing.assert_array_equal(read_values(tmp_path / "a.png"), indices)


def test_black_and_white(tmp_path: Path) -> None:
    for suffix in ("png", "tif", "bmp"):
        path = save(tmp_path / f"a.{suffix}", GREY > 127)
        np.testing.assert_array_equal(read_image(path), grey_rgb((GREY > 127) * np.uint8(255)))


@pytest.mark.parametrize(("suffix", "mode"), [("jpg", "RGB"), ("jpeg", "L"), ("jpg", "CMYK"), ("tif", "CMYK")])
def test_lossy_and_cmyk_are_close(tmp_path: Path, suffix: str, mode: str) -> None:
    path = save(tmp_path / f"a.{suffix}", np.ascontiguousarray(SMOOTH), mode)
    assert np.abs(read_image(path).astype(int) - SMOOTH).max() <= 3


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "packbits"])
def test_compressed_tiff(tmp_path: Path, compression: str) -> None:
    np.testing.assert_array_equal(read_image(save(tmp_path / "a.tif", COLOUR, compression=compression)), COLOUR)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("values", [GREY16, COLOUR16], ids=["grey", "colour"])
def test_16_bit_is_read_in_full_and_stretched(tmp_path: Path, suffix: str, values: np.ndarray) -> None:
    path = tmp_path / f"a{suffix}"
    stored = values if values.ndim == 2 else values[..., ::-1]
    path.write_bytes(cv2.imencode(suffix, np.ascontiguousarray(stored))[1].tobytes())
    np.testing.assert_array_equal(read_values(path), values)
    expected = stretch(values)
    np.testing.assert_array_equal(read_image(path), grey_rgb(expected) if values.ndim == 2 else expected)
    assert image_size(path) == (HEIGHT, WIDTH)


def test_alpha_takes_no_part_in_the_stretch(tmp_path: Path) -> None:
    alpha = np.full((HEIGHT, WIDTH, 1), 65535, np.uint16)
    dark = COLOUR16 // 64
    encoded = cv2.imencode(".png", np.concatenate([dark[..., ::-1], alpha], axis=2))[1]
    (tmp_path / "a.png").write_bytes(encoded.tobytes())
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), stretch(dark))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int16", "int32", "uint32", "uint64"])
def test_tiff_of_any_number(tmp_path: Path, dtype: str) -> None:
    values = (GREY.astype(np.int64) - (100 if dtype.startswith("int") else 0)).clip(-100, 127).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", values)
    np.testing.assert_array_equal(read_values(tmp_path / "a.tif"), values)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), grey_rgb(stretch(values)))


@pytest.mark.parametrize(
    ("values", "reason"),
    [(np.full((4, 4), np.nan, np.float32), "no finite number"), (np.ones((4, 4), np.complex64), "complex")],
)
def test_numbers_that_make_no_image(tmp_path: Path, values: np.ndarray, reason: str) -> None:
    tifffile.imwrite(tmp_path / "bad.tif", values)
    with pytest.raises(DataError, match=rf"bad\.tif: .*{reason}"):
        read_image(tmp_path / "bad.tif")


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("sort", ["8.png", "8.webp", "8.tif", "16.png", "16.tif"])
def test_exif_rotation(tmp_path: Path, orientation: int, sort: str) -> None:
    path = tmp_path / f"a{sort}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = UPRIGHT[orientation](COLOUR if sort.startswith("8") else stretch(COLOUR16))
    if sort == "16.png":
        path.write_bytes(
            with_chunk(cv2.imencode(".png", COLOUR16[..., ::-1])[1].tobytes(), b"eXIf", exif.tobytes()[6:])
        )
    elif sort == "16.tif":
        extra = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(path, COLOUR16, photometric="rgb", extratags=extra)
    else:
        save(path, COLOUR, exif=exif, **({"lossless": True} if sort == "8.webp" else {}))
    np.testing.assert_array_equal(read_image(path), expected)
    assert image_size(path) == expected.shape[:2]


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    chunk = struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return png[:33] + chunk + png[33:]


# --- bad files --------------------------------------------------------------------------------------------------------


def encoded(sort: str) -> bytes:
    if sort == "16.png":
        return bytes(cv2.imencode(".png", COLOUR16)[1])
    buffer = io.BytesIO()
    if sort == "16.tif":
        tifffile.imwrite(buffer, COLOUR16, photometric="rgb")
    else:
        Image.fromarray(COLOUR).save(buffer, {"jpg": "JPEG", "tif": "TIFF"}.get(sort, sort.upper()))
    return buffer.getvalue()


SORTS = ["png", "jpg", "bmp", "webp", "tif", "16.png", "16.tif"]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_truncated_file_is_named(tmp_path: Path, sort: str, share: float) -> None:
    path = tmp_path / f"cut.{sort}"
    content = encoded(sort)
    path.write_bytes(content[: max(8, int(len(content) * share))])
    with pytest.raises(DataError, match=rf"{path}: .*(replace|cut)"):
        read_image(path)


@pytest.mark.parametrize("read", [read_image, read_values, image_size])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"is empty \(0 bytes\); replace the file"),
        (b"not an image at all", "is not a PNG, JPEG, TIFF, BMP or WebP image; replace the file"),
        (b"GIF89a" + bytes(40), "is not a PNG, JPEG, TIFF, BMP or WebP image"),
        (b"II*\0" + bytes(4), "cannot be read as an image"),
        (None, "no such image file"),
    ],
    ids=["empty", "text", "gif", "tiff header", "missing"],
)
def test_what_is_no_image_is_named(tmp_path: Path, read: Any, content: bytes | None, reason: str) -> None:
    path = tmp_path / "bad.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{path}: {reason}"):
        read(path)


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{tmp_path}: cannot be opened"):
        read_image(tmp_path)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SORTS), st.data())
def test_damage_gives_an_image_or_a_data_error_and_no_chatter(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], sort: str, data: st.DataObject
) -> None:
    content = bytearray(encoded(sort))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"damaged.{sort}"
    path.write_bytes(content)
    try:
        image = read_image(path)
    except DataError as error:
        assert str(path) in str(error)
    else:
        assert image.dtype == np.uint8
        assert image.shape == (*image_size(path), 3)
    assert capfd.readouterr().err == ""


def header_only(width: int, height: int) -> bytes:
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + ihdr + struct.pack(">I", zlib.crc32(b"IHDR" + ihdr))
    return with_chunk(png, b"IDAT", zlib.compress(bytes(100)))


def test_a_whole_scan_passes_and_a_bomb_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scan.png").write_bytes(header_only(20_000, 20_000))
    assert image_size(tmp_path / "scan.png") == (20_000, 20_000)
    (tmp_path / "bomb.png").write_bytes(header_only(50_000, 50_000))
    with pytest.raises(DataError, match=r"bomb\.png: has 50000 x 50000 px, .* tiles"):
        read_image(tmp_path / "bomb.png")


def test_more_pixels_than_pillow_allows_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Image.MAX_IMAGE_PIXELS is None
    monkeypatch.setattr(read, "MOST_PIXELS", HEIGHT * WIDTH - 1)
    for suffix, array in ((".png", GREY), (".tif", GREY), (".tif", GREY16)):
        with pytest.raises(DataError, match=f"a{suffix}: has .* px, more than 599; cut the image into tiles"):
            read_image(save(tmp_path / f"a{suffix}", array))


def test_nothing_reaches_the_console(tmp_path: Path) -> None:
    for sort in SORTS:
        content = encoded(sort)
        (tmp_path / f"cut.{sort}").write_bytes(content[: len(content) * 2 // 3])
    jpeg = bytearray(encoded("jpg"))
    jpeg[len(jpeg) // 2] ^= 0xFF
    (tmp_path / "flipped.jpg").write_bytes(jpeg)
    profile = b"sRGB\0\0" + zlib.compress(b"no profile")
    (tmp_path / "profile.16.png").write_bytes(with_chunk(encoded("16.png"), b"iCCP", profile))
    (tmp_path / "exif.jpg").write_bytes(encoded("jpg")[:2] + b"\xff\xe1\0\x10Exif\0\0broken!!" + encoded("jpg")[2:])
    extra = [(65000, "s", 0, "private", True), (65001, "H", 3, (1, 2, 3), True)]
    tifffile.imwrite(tmp_path / "tags.tif", COLOUR16, photometric="rgb", extratags=extra)
    tifffile.imwrite(tmp_path / "tags8.tif", COLOUR, photometric="rgb", extratags=extra)
    save(tmp_path / "lzw.tif", GREY16, compression="tiff_lzw", tiffinfo={65000: "private"})
    for name, array in (("description.tif", GREY), ("description16.tif", GREY16)):
        tifffile.imwrite(tmp_path / name, array, description="too short")
        content = (tmp_path / name).read_bytes()
        entry, longer = (struct.pack("<HHI", 270, 2, count) for count in (10, 10**8))
        assert content.count(entry) == 1
        (tmp_path / name).write_bytes(content.replace(entry, longer))
    program = (
        "import sys\n"
        "sys.modules['imagecodecs'] = None\n"  # as where that package is not installed
        "from pathlib import Path\n"
        "from sissi.data.images.read import read_image, image_size\n"
        "from sissi.errors import DataError\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    for read in (read_image, image_size):\n"
        "        try:\n"
        "            read(path)\n"
        "        except DataError:\n"
        "            print(path.name, read.__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(read.__file__).parents[3])},
    )
    assert done.stderr == ""
    refused = done.stdout.splitlines()
    assert [line for line in refused if not line.startswith("cut.")] == [
        "lzw.tif read_image"
    ]  # which takes imagecodecs
    assert len([line for line in refused if line.endswith("read_image")]) == len(SORTS) + 1


# --- folders ----------------------------------------------------------------------------------------------------------


def test_image_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", "c.Tiff", "d.webp", ".hidden.png", "._a.jpg", "e.txt", "f.gif"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "g.png").write_bytes(b"")
    assert [path.name for path in image_files(tmp_path)] == ["a.jpg", "b.PNG", "c.Tiff", "d.webp"]


def test_image_files_without_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"no such folder: {tmp_path}/none"):
        image_files(tmp_path / "none")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=f"not a folder: {tmp_path}/file"):
        image_files(tmp_path / "file")
