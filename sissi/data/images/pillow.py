"""PNG, JPEG, BMP and WebP by Pillow; PNG with 16-bit colours, of which Pillow gives 8 bits, by OpenCV."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from sissi.data.images.arrays import ORIENTATION, pick, upright
from sissi.data.images.stack import COLOURS, Stack

_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_OPENCV_LOG = Lock()  # its level belongs to the process, and several threads read images

# read.MOST_PIXELS is the limit: Pillow's own refuses images that microscopes do take
Image.MAX_IMAGE_PIXELS = None
# what is wrong with a file is said once, by DataError
warnings.filterwarnings("ignore", module=r"PIL\.")

Values = npt.NDArray[Any]


@contextmanager
def open_pillow(path: Path, *, colours: bool) -> Iterator[Stack]:
    """An image that Pillow knows; the pictures of a moving one are its planes.

    Args:
        path: of the file.
        colours: convert to RGB; else the stored values are given, of palettes the indices.
    """
    with Image.open(path, formats=_FORMATS) as image:
        width, height = image.size
        orientation = _orientation(image)
        turned = orientation >= 5
        count = int(getattr(image, "n_frames", 1)) if image.format in ("PNG", "WEBP") else 1

        def read(plane: int, channels: Sequence[int]) -> Values:
            if plane:
                image.seek(plane)
            image.load()
            deep = _is_deep_colour_png(path, image)
            return pick(upright(_by_opencv(path) if deep else plain(image, colours=colours), orientation), channels)

        grey = image.mode[:1] in ("1", "L", "I", "F") and image.mode != "LAB"
        channels = 1 if grey or (image.mode == "P" and not colours) else COLOURS
        yield Stack(
            path,
            width if turned else height,
            height if turned else width,
            {"I": count} if count > 1 else {},
            channels,
            channels,
            read,
        )


def plain(image: Image.Image, *, colours: bool) -> Values:
    """The pixels of a decoded image: grey, or 8-bit RGB, or the stored values where these are asked for."""
    image.info.pop("transparency", None)  # or it warns of what is wanted: that alpha is dropped
    stored = not colours or image.mode in ("1", "L", "F", "RGB") or image.mode.startswith("I")
    return np.asarray(image if stored else image.convert("RGB"))


def _orientation(image: Image.Image) -> int:
    """From 1 to 8, as the file says ahead of its pixels."""
    exif = Image.Image.getexif(image)  # a PNG's own method decodes the whole image first
    given = exif.get(ORIENTATION, 1)
    return int(given) if given in range(1, 9) else 1


def _is_deep_colour_png(path: Path, image: Image.Image) -> bool:
    """Whether this is a PNG with 16-bit colours."""
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
