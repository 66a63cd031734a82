"""A page of a TIFF, decoded: the same pixels whatever the compression, or a refusal that says what is missing.

tifffile decodes, with the codecs of imagecodecs. Pillow decodes 8-bit pages whose colours need conversion, and those of
fewer bits; it is also asked where a codec is missing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image, ImageOps
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC

from sissi.data.images.arrays import ORIENTATION, upright
from sissi.data.images.pillow import plain
from sissi.errors import DataError

_PLAIN = (PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB)
_JPEG = (COMPRESSION.OJPEG, COMPRESSION.JPEG)
_FOREIGN = {
    PHOTOMETRIC.SEPARATED: "CMYK",
    PHOTOMETRIC.YCBCR: "YCbCr",
    PHOTOMETRIC.CIELAB: "CIE L*a*b*",
    PHOTOMETRIC.ICCLAB: "ICC L*a*b*",
    PHOTOMETRIC.ITULAB: "ITU L*a*b*",
    PHOTOMETRIC.LOGL: "CIE Log2(L)",
    PHOTOMETRIC.LOGLUV: "CIE Log2(L) (u',v')",
}
"""Colour spaces that tifffile leaves as they are."""

Values = npt.NDArray[Any]


class CodecMissing(Exception):
    """No codec for the compression of a page is there."""


def read_page(path: Path, page: Any, *, colours: bool) -> Values:
    """The pixels of a page as (H, W) or (H, W, C), as they are seen; white is the largest number.

    Args:
        path: of the file.
        page: of an open `tifffile.TiffFile`.
        colours: convert palettes to RGB; else their indices are given.

    Raises:
        DataError: its compression or its colour space cannot be read.
        ValueError: it is damaged or cut off, or a volume.
    """
    key = page.keyframe
    _refuse_cut_off(page)
    narrow = _bits(key) <= 8 and key.samplesperpixel <= 4 and key.dtype != np.int8
    foreign = key.photometric in _FOREIGN and key.compression not in _JPEG
    if narrow and not _suits_tifffile(key):
        try:
            return _by_pillow(path, page, colours=colours)
        except Exception as error:
            if key.photometric in _PLAIN and key.compression in _JPEG:
                raise  # Pillow sees where such a page is cut off or damaged
            if foreign:
                raise _of_colours(path, key) from error
    elif foreign:
        raise _of_colours(path, key)
    try:
        return _by_tifffile(page, colours=colours)
    except CodecMissing as missing:
        if narrow and _suits_tifffile(key):
            try:
                return _by_pillow(path, page, colours=colours)
            except Exception as error:
                raise DataError(f"{path}: {missing}") from error
        raise DataError(f"{path}: {missing}") from missing


def orientation_of(page: Any) -> int:
    """From 1 to 8, as the page says, else the first page of its file."""
    own, first = page.keyframe.tags.get(ORIENTATION), page.parent.pages[0].tags.get(ORIENTATION)
    tag = first if own is None else own
    return int(tag.value) if tag is not None and tag.value in range(1, 9) else 1


def _bits(page: Any) -> int:
    bits = page.bitspersample
    return int(max(bits) if isinstance(bits, tuple) else bits)


def _suits_tifffile(page: Any) -> bool:
    """Whether this is grey or RGB of 8 bits or more, in which nothing needs conversion."""
    return bool(
        page.photometric in _PLAIN
        and _bits(page) >= 8
        and page.samplesperpixel != 2
        and page.compression not in _JPEG
        and EXTRASAMPLE.ASSOCALPHA not in page.extrasamples
    )


def _refuse_cut_off(page: Any) -> None:
    """Refuse a page whose pixels reach over the end of the file: some codecs would fill the rest with anything."""
    size = page.parent.filehandle.size
    ends = (start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=False))
    if max(ends, default=0) > size:
        raise ValueError("it ends before its pixels do")


def _by_pillow(path: Path, page: Any, *, colours: bool) -> Values:
    with Image.open(path, formats=("TIFF",)) as image:
        image.seek(page.index)
        image.load()
        values = plain(
            ImageOps.exif_transpose(image), colours=colours
        )  # newer versions of Pillow have turned it by now
    return values if ORIENTATION in page.keyframe.tags else upright(values, orientation_of(page))


def _by_tifffile(page: Any, *, colours: bool) -> Values:
    key = page.keyframe
    try:
        values = np.asarray(page.asarray())
    except (ValueError, ImportError, NotImplementedError) as error:
        name = getattr(key.compression, "name", key.compression)
        if "imagecodecs" in str(error) or isinstance(error, ImportError):
            packed = key.compression == COMPRESSION.NONE
            form = f"packs values of {_bits(key)} bits" if packed else f"is compressed by {name}"
            advice = "pip install imagecodecs, or save it without compression and as 8, 16 or 32 bits"
            raise CodecMissing(f"{form}, which takes the package imagecodecs: {advice}") from error
        if key.compression != COMPRESSION.NONE and key.compression not in tifffile.TIFF.DECOMPRESSORS:
            raise CodecMissing(f"is compressed by {name}, which is not read; save it as LZW or uncompressed") from error
        raise
    if values.ndim not in (2, 3) or key.axes not in ("YX", "SYX", "YXS"):
        raise ValueError(f"a page has the axes {key.axes}, not those of one image")
    values = np.moveaxis(values, 0, -1) if key.axes == "SYX" else values
    if colours and key.photometric == PHOTOMETRIC.PALETTE and key.colormap is not None:
        values = np.moveaxis(key.colormap >> 8, 0, -1).astype(np.uint8)[values]
    elif key.photometric == PHOTOMETRIC.MINISWHITE:
        values = _inverted(values, _bits(key))
    if values.dtype == np.uint8 and key.photometric in _PLAIN and _bits(key) < 8:
        values = (values * np.uint16(255) // np.uint16(2 ** _bits(key) - 1)).astype(np.uint8)
    return upright(values, orientation_of(page))


def _inverted(values: Values, bits: int) -> Values:
    """The values where white was the smallest number; of signed ones, so that none leaves its type."""
    if values.dtype.kind == "u":
        return np.asarray(values.dtype.type(2**bits - 1) - values)
    return np.asarray(~values if values.dtype.kind in "bi" else -values)


def _of_colours(path: Path, page: Any) -> DataError:
    space = _FOREIGN[page.photometric]
    return DataError(
        f"{path}: has the colours {space} in {_bits(page)} bits, which are not read; save it as RGB or grey"
    )
