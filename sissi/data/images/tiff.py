"""TIFF, in which microscopes write: stacks of planes and channels, of any number type and compression."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from tifffile import EXTRASAMPLE, PHOTOMETRIC

from sissi.data.images.arrays import pick, upright
from sissi.data.images.stack import COLOURS, Stack, joined
from sissi.data.images.tiff_page import orientation_of, read_page

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# tifffile logs what it works around; what it cannot work around it raises
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

Values = npt.NDArray[Any]
Read = Callable[[int], Values]
"""A page by its number, (H, W) or (H, W, C), as it is stored and seen."""


def is_tiff(path: Path) -> bool:
    """Whether a file starts like a TIFF or BigTIFF."""
    with path.open("rb") as file:
        return file.read(4) in _MAGIC


@contextmanager
def open_tiff(path: Path, *, colours: bool) -> Iterator[Stack]:
    """A TIFF as planes and channels.

    Where the pages differ in channels alone, as the file says (OME, ImageJ), three of them are shown, else those of a
    page.

    Args:
        path: of the file.
        colours: convert palettes to RGB; else their indices are given.

    Raises:
        DataError: while reading: the compression or the colour space cannot be read.
        ValueError: the file is damaged, or a page is a volume.
    """
    with tifffile.TiffFile(path) as file:
        first = file.pages[0]
        axes, read, others = _layout(file, path, colours)
        numbers = np.arange(prod(axes.values())).reshape(tuple(axes.values()))
        apart = axes.get("C", 1)
        numbers = np.moveaxis(numbers, list(axes).index("C"), -1) if "C" in axes else numbers[..., None]
        numbers = numbers.reshape(-1, apart)
        samples = _samples(first, colours=colours)

        def read_channels(plane: int, channels: Sequence[int]) -> Values:
            found = {page: read(int(numbers[plane, page])) for page in {one // samples for one in channels}}
            if len(found) == 1:
                return pick(found[channels[0] // samples], [one % samples for one in channels])
            return joined([pick(found[one // samples], [one % samples]) for one in channels])

        planes = {axis: size for axis, size in axes.items() if axis != "C"}
        one_page = COLOURS if samples >= COLOURS else 1
        shown = one_page if samples > 1 or planes or others else min(COLOURS, apart)
        height, width = int(first.imagelength), int(first.imagewidth)
        size = (width, height) if orientation_of(first) >= 5 else (height, width)
        yield Stack(path, *size, planes, samples * apart, shown, read_channels, others)


def _samples(page: Any, *, colours: bool) -> int:
    """Channels that a page holds, without alpha."""
    converted = (PHOTOMETRIC.SEPARATED, PHOTOMETRIC.YCBCR, *([PHOTOMETRIC.PALETTE] if colours else []))
    if page.photometric in converted:
        return COLOURS
    alpha = [extra for extra in page.extrasamples if extra in (EXTRASAMPLE.ASSOCALPHA, EXTRASAMPLE.UNASSALPHA)]
    return max(1, int(page.samplesperpixel) - len(alpha))


def _layout(file: Any, path: Path, colours: bool) -> tuple[dict[str, int], Read, int]:
    """Axes of the pages with their sizes, slowest first, what reads a page, and how many other images there are."""
    pages = file.pages
    alone = {"I": len(pages)} if len(pages) > 1 else {}

    def read(number: int, of: Any = pages) -> Values:
        page = of[number]
        if page is None:
            raise ValueError(f"page {number + 1} is missing")
        return read_page(path, page, colours=colours)

    if len(pages) == 1 and not file.is_imagej:
        return {}, read, 0
    series, own = file.series[0], pages[0].axes
    letters, sizes = series.axes[: -len(own)], series.shape[: -len(own)]
    if not series.axes.endswith(own) or len(set(letters)) < len(letters):
        return alone, read, 0
    axes = {axis: int(size) for axis, size in zip(letters, sizes, strict=True) if size > 1}
    if len(pages) == 1 and axes and series.dataoffset is not None:  # ImageJ can write one page for all planes
        return axes, _contiguous(path, series, pages[0]), 0
    rest = len(pages) - prod(sizes)
    if rest < 0:  # there are planes in other files
        return alone, read, 0
    if axes == {"Q": COLOURS} and not rest:
        axes = {"C": COLOURS}  # an axis without a name: three pages of it are what NumPy's (3, H, W) becomes
    return axes, lambda number: read(number, series), len(file.series) - 1 if rest else 0


def _contiguous(path: Path, series: Any, page: Any) -> Read:
    """What reads the planes of a file that lie one after the other behind a single page."""
    kind = np.dtype(series.dtype).newbyteorder(series.parent.byteorder)
    shape = (prod(series.shape[:-2]), *series.shape[-2:])

    def read(number: int) -> Values:
        whole = np.memmap(path, kind, "r", offset=series.dataoffset, shape=shape)
        return upright(whole[number].astype(series.dtype), orientation_of(page))

    return read
