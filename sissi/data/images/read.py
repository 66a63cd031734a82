"""Read an image file of any common sort as 8-bit RGB, or as the numbers that it stores.

PNG, JPEG, BMP and WebP, and TIFF (see `sissi.data.images.tiff`), recognised by their content. EXIF rotation is
applied, so height and width are those of the image as it is seen; labels are expected in its pixels.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from sissi.data.images import tiff
from sissi.data.images.folder import leads_nowhere
from sissi.data.images.stretch import stretch
from sissi.errors import DataError

MOST_PIXELS = 2**30
"""Largest image that is decoded, in px: a whole scan of 20,000 x 20,000 px passes, a decompression bomb does not."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_OPENCV_LOG = Lock()  # its level belongs to the process, and several threads read images
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
_ADVICE = "replace the file, or take it out of the folder"

# ours is MOST_PIXELS: Pillow's own limit refuses images that microscopes do take
Image.MAX_IMAGE_PIXELS = None
# what is wrong with a file is said once, by DataError
warnings.filterwarnings("ignore", module=r"PIL\.")

RGB = npt.NDArray[np.uint8]
Values = npt.NDArray[Any]


def read_image(path: Path) -> RGB:
    """The image as (H, W, 3) uint8 RGB; an array of its own, in C order.

    Grey is repeated over the three channels, palettes and CMYK are converted, alpha is dropped without blending.
    Images with more than 8 bits a channel (16-bit, 32-bit, float) are stretched linearly, all channels alike, so that
    the 0.1 and 99.9 percentiles of the image become 0 and 255 (minimum and maximum where these two are equal; a
    constant image is black); NaN becomes 0. 8-bit images keep their values.

    Raises:
        DataError: the file is missing, empty, truncated, damaged, too large or no image; names the file.
    """
    with _reading(path):
        return _as_rgb(_decode(path, colours=True))


def read_values(path: Path) -> Values:
    """The numbers that the file stores, unscaled, as (H, W) or (H, W, C): what a mask needs.

    A palette image gives its indices. EXIF rotation is applied.

    Raises:
        DataError: as `read_image`.
    """
    with _reading(path):
        return _decode(path, colours=False)


def image_size(path: Path) -> tuple[int, int]:
    """Height and width in px of the image as it is seen, from the header alone.

    Raises:
        DataError: the file is missing, empty or no image; names the file.
    """
    with _reading(path):
        if tiff.is_tiff(path):
            return tiff.size(path)
        with Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            return (width, height) if _orientation(image) >= 5 else (height, width)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong with a file into one DataError that names it."""
    try:
        if leads_nowhere(path):
            raise DataError(f"{path}: is a symbolic link that leads nowhere, or in a circle; {_ADVICE}")
        if path.is_file() and path.stat().st_size == 0:
            raise DataError(f"{path}: is empty (0 bytes); {_ADVICE}")
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such image file") from error
    except (PermissionError, IsADirectoryError) as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror}); {_ADVICE}") from error
    except UnidentifiedImageError as error:
        raise DataError(f"{path}: is not a PNG, JPEG, TIFF, BMP or WebP image; {_ADVICE}") from error
    except MemoryError as error:
        raise DataError(f"{path}: does not fit into memory; cut the image into tiles") from error
    except Exception as error:  # decoders raise whatever their parsers trip over: struct, zlib, key, index errors
        raise DataError(f"{path}: cannot be read as an image: {error}; is it cut off or damaged? {_ADVICE}") from error


def _decode(path: Path, *, colours: bool) -> Values:
    """The upright pixels: 8-bit RGB where Pillow converts colours, or the stored values, (H, W) or (H, W, C)."""
    if tiff.is_tiff(path):
        _refuse_huge(path, tiff.size(path)[::-1])
        if not tiff.suits_pillow(path):
            try:
                return tiff.read(path)
            except tiff.CodecMissing:
                return _by_opencv(path)
    return _by_pillow(path, colours=colours)


def _by_pillow(path: Path, *, colours: bool) -> Values:
    with Image.open(path, formats=_FORMATS) as image:
        _refuse_huge(path, image.size)
        orientation = _orientation(image)
        image.load()
        if image.format == "TIFF":  # newer versions of Pillow have rotated it by now
            return _plain(ImageOps.exif_transpose(image), colours=colours)
        deep = _is_deep_colour_png(path, image)
        return tiff.upright(_by_opencv(path) if deep else _plain(image, colours=colours), orientation)


def _plain(image: Image.Image, *, colours: bool) -> Values:
    """The pixels of a decoded image: 8-bit RGB, or the stored values where these are asked for or have more bits."""
    image.info.pop("transparency", None)  # or it warns of what is wanted: that alpha is dropped
    stored = not colours or image.mode == "F" or image.mode.startswith("I")
    return np.asarray(image if stored else image.convert("RGB"))


def _orientation(image: Image.Image) -> int:
    """From 1 to 8, as the file says ahead of its pixels."""
    exif = Image.Image.getexif(image)  # a PNG's own method decodes the whole image first
    given = exif.get(tiff.ORIENTATION, 1)
    return int(given) if given in range(1, 9) else 1


def _refuse_huge(path: Path, size: tuple[int, ...]) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise DataError(f"{path}: has {width} x {height} px, more than {MOST_PIXELS:,}; cut the image into tiles")


def _is_deep_colour_png(path: Path, image: Image.Image) -> bool:
    """Whether this is a PNG with 16-bit colours, of which Pillow gives 8 bits."""
    if image.format != "PNG" or image.mode.startswith("I"):
        return False
    with path.open("rb") as file:
        return file.read(25)[24] == 16


def _by_opencv(path: Path) -> Values:
    """All bits of an image, (H, W) or (H, W, 3) in RGB order."""
    content = np.frombuffer(_without_extras(path.read_bytes()), np.uint8)
    log = cv2.utils.logging
    with _OPENCV_LOG:
        level = log.setLogLevel(log.LOG_LEVEL_SILENT)
        try:
            values = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
        finally:
            log.setLogLevel(level)
    if values is None:
        raise ValueError("OpenCV finds no image in it")
    if values.ndim == 3:
        values = values[..., [2, 1, 0]]
    return np.asarray(values)


def _without_extras(content: bytes) -> bytes:
    """A PNG with nothing but its pixels, as libpng prints what it dislikes of profiles and the like; else the same.

    Raises:
        ValueError: its last chunk is missing.
    """
    if not content.startswith(_PNG):
        return content
    kept, start, kind = [_PNG], len(_PNG), b""
    while kind != b"IEND":
        if start + 12 > len(content):
            raise ValueError("it ends early")
        length, kind = struct.unpack_from(">I4s", content, start)
        if kind[:1].isupper() and kind != b"IEND":
            kept.append(content[start : start + length + 12])
        start += length + 12
    return b"".join([*kept, _PNG_END])


def _as_rgb(values: Values) -> RGB:
    """(H, W) or (H, W, C) of any real type as (H, W, 3) uint8; of 2 or 4 channels the last is alpha."""
    channels = values[..., None] if values.ndim == 2 else values
    channels = channels[..., :3] if channels.shape[2] >= 3 else channels[..., :1]
    if channels.dtype == np.bool_:
        channels = channels.astype(np.uint8) * np.uint8(255)
    elif channels.dtype != np.uint8:
        channels = stretch(channels)
    return np.array(np.broadcast_to(channels, (*channels.shape[:2], 3)), dtype=np.uint8, order="C")
