"""TIFF, in which microscopes write: 16-bit and float pages, and stacks of channels.

What is read of a file with several pages: if it says that its only stack axis is channels (OME, ImageJ), its first
three channels as red, green and blue (of two channels blue stays 0); else its first page.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

ORIENTATION = 274
"""The tag that says how to rotate, in TIFF as in EXIF."""

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# tifffile logs what it works around; what it cannot work around it raises
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

Values = npt.NDArray[Any]


def is_tiff(path: Path) -> bool:
    """Whether a file starts like a TIFF or BigTIFF."""
    with path.open("rb") as file:
        return file.read(4) in _MAGIC


def size(path: Path) -> tuple[int, int]:
    """Height and width of the first page as it is seen, in px, from the header."""
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        height, width = int(page.imagelength), int(page.imagewidth)
        return (width, height) if _orientation(page) >= 5 else (height, width)


class CodecMissing(Exception):
    """tifffile cannot decompress a page without the package imagecodecs; OpenCV can."""


def suits_pillow(path: Path) -> bool:
    """Whether this is 8-bit grey or colour on one page: Pillow knows the colour spaces, and each compression."""
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        bits = page.bitspersample
        deepest = max(bits) if isinstance(bits, tuple) else bits
        plain = deepest <= 8 and page.samplesperpixel <= 4 and page.dtype != np.int8
        return bool(plain and len(_channel_pages(file)) == 1)


def read(path: Path) -> Values:
    """The upright first page, or channels, as (H, W) or (H, W, C) with the stored values.

    Raises:
        CodecMissing: see there.
        ValueError: the file is damaged, or its first page is a volume.
    """
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        pages = _channel_pages(file)
        try:
            values = _stacked(pages) if len(pages) > 1 else _channels_last(page)
        except ValueError as error:
            if "imagecodecs" in str(error):
                raise CodecMissing from error
            raise
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
            values = np.iinfo(values.dtype).max - values if values.dtype.kind == "u" else -values
        return upright(values, _orientation(page))


def upright(values: Values, orientation: int) -> Values:
    """(H, W, ...) pixels turned as an EXIF orientation from 1 to 8 asks; any other number changes nothing."""
    if orientation in (2, 3):
        values = values[:, ::-1]
    if orientation in (3, 4):
        values = values[::-1]
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (6, 7):
        values = values[:, ::-1]
    if orientation in (7, 8):
        values = values[::-1]
    return values


def _orientation(page: Any) -> int:
    tag = page.tags.get(ORIENTATION)
    return int(tag.value) if tag is not None and tag.value in range(1, 9) else 1


def _channel_pages(file: Any) -> list[Any]:
    """The pages that hold one channel each, or the first page alone."""
    pages = file.pages
    axes = file.series[0].axes if len(pages) > 1 else ""
    count = file.series[0].shape[0] if axes in ("CYX", "QYX") else 1
    # Q is an axis without a name: three pages of it are what numpy's (3, H, W) becomes
    if count != len(pages) or (axes == "QYX" and count != 3):
        return [pages[0]]
    return list(pages[:3])


def _stacked(pages: list[Any]) -> Values:
    """(H, W, 3) of two or three one-channel pages."""
    channels = [page.asarray() for page in pages]
    if len(channels) == 2:
        channels.append(np.zeros_like(channels[0]))
    return np.stack(channels, axis=-1)


def _channels_last(page: Any) -> Values:
    """The page as (H, W) or (H, W, C), whether its channels are interleaved or in planes.

    Raises:
        ValueError: it is a volume.
    """
    values = np.asarray(page.asarray())
    if page.axes == "SYX":
        values = np.moveaxis(values, 0, -1)
    if values.ndim not in (2, 3) or page.axes not in ("YX", "SYX", "YXS"):
        raise ValueError(f"its first page has the axes {page.axes}, not those of one image")
    return values
