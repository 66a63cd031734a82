"""The size of a typical cell, estimated from images without labels.

The pipelines of this package, set for cells of some size, find cells of some size. Where both are equal, the size is
right: set for smaller cells they find larger ones, or clumps, and set for larger cells they find their parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sissi.config import WeakLabels
from sissi.errors import DataError
from sissi.weak_labels import adherent, stained
from sissi.weak_labels.channels import Image
from sissi.weak_labels.morphology import longer_sides
from sissi.weak_labels.reduced import reduce
from sissi.weak_labels.tone import measure_tone

_SMALLEST = 5.0
"""Smallest size that is tried, in px."""
_STEP = 1.33
"""Ratio of two sizes that are tried one after the other."""
_WEIGHT_DYED = 0.5
"""Power of its size by which a find counts: a clump stands for several cells, a speck for none."""
_WEIGHT = 1.5
"""The same in transmitted light, where finds are rather parts of cells, and several stand for one."""
_SEVERAL = 3
"""Number of cells from which on their size is trusted."""
_LARGEST = 1.5
"""The shorter side of an image is at least so many times the largest size that is tried."""
_PART = 0.5
"""Smaller finds, as a share of the size that is tried, are parts of cells and dirt, and do not count."""
_VIEW = 40
"""Longer side of the middle of an image in which cells of a size are sought, in multiples of the size."""
_ANY = (0.0, float("inf"))
"""Sides of boxes, whatever their size."""
_VARIED = 2.5
"""Ratio of the sizes in the upper and lower tenth of images from which on the images are of different scale."""


@dataclass(frozen=True)
class CellSize:
    """Size of a typical cell, as estimated.

    Attributes:
        size: longer side of a typical cell, in px; the median of the images.
        low: lower quartile of the images, in px.
        high: upper quartile of the images, in px.
        confidence: how sure the estimate is, from 0 to 1: the share of images whose own cells are within a third of it.
        varied: whether the images are of very different scale, so that one size does not fit all.
        reason: what it was estimated from, and what speaks against it, in words.
        sizes: size of the cells of each image, in px, in the order given; NaN where none was found.
    """

    size: float
    low: float
    high: float
    confidence: float
    varied: bool
    reason: str
    sizes: tuple[float, ...]


def estimate_cell_size(images: Sequence[Image]) -> CellSize:
    """Estimate the size of a typical cell from images of one kind together.

    Args:
        images: some images of the folder, each (H, W) or (H, W, 3), uint8.

    Raises:
        DataError: there are no cells to be seen in any of them.
        ValueError: an array has another shape or dtype.
    """
    return typical_cell_size([size_in(image) for image in images])


def typical_cell_size(sizes: Sequence[float]) -> CellSize:
    """Estimate the size of a typical cell from that of the cells of each image, as `size_in` gives it.

    Raises:
        DataError: there are no cells to be seen in any image.
    """
    found = np.array([size for size in sizes if size > 0])
    if not len(found):
        raise DataError(
            "no cell is to be seen in the images, so that its size is unknown: are they empty? else set cell_size, "
            "in px (--cell-size)"
        )
    lowest, low, size, high, highest = (float(value) for value in np.percentile(found, (10, 25, 50, 75, 90)))
    near = np.abs(np.log(found / size)) <= np.log(4 / 3)
    reason = f"half of {len(sizes)} images have cells of {low:.0f} to {high:.0f} px"
    if len(found) < len(sizes):
        reason += f", {len(sizes) - len(found)} have none"
    return CellSize(size, low, high, float(near.sum()) / len(sizes), highest / lowest > _VARIED, reason, tuple(sizes))


def size_in(image: Image) -> float:
    """Size of the cells of an image in px: the largest at which the cells that are found have the size sought.

    One that several cells have goes before one that a single cell, or a clump, has. NaN where there is none.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    dyed = measure_tone(image).dyed
    larger, lone = (float("nan"), float("nan")), float("nan")
    for size in _tried_sizes(image):
        found, count = _found_size(image, size, dyed)
        ratio = found / size
        if ratio >= 1 > larger[1]:
            crossing = _crossing((size, ratio), larger)
            if count >= _SEVERAL:
                return crossing
            lone = crossing if np.isnan(lone) else lone
        larger = (size, ratio)
    return lone


def _tried_sizes(image: Image) -> list[float]:
    """Sizes from the largest to the smallest."""
    largest = min(image.shape[:2]) / _LARGEST
    count = int(np.log(max(largest / _SMALLEST, 1)) / np.log(_STEP)) + 1
    return [_SMALLEST * _STEP**step for step in reversed(range(count))]


def _crossing(small: tuple[float, float], large: tuple[float, float]) -> float:
    """Size between two at which the ratio of found and sought size is 1, by interpolation of logarithms."""
    (low, above), (high, below) = small, large
    if below <= 0:
        return low
    share = np.log(above) / (np.log(above) - np.log(below))
    return float(low * (high / low) ** share)


def _found_size(image: Image, size: float, dyed: bool) -> tuple[float, int]:
    """Weighted median of the sizes found, and how many they are; 0 without any."""
    reduced = reduce(_middle(image, size), WeakLabels().for_cells_of(size))
    settings = reduced.settings
    found = (
        stained.find_cells(reduced.image, settings.stained.model_copy(update={"side": _ANY, "margin": 0}))
        if dyed
        else adherent.find_cells(reduced.image, settings.adherent.model_copy(update={"side": _ANY}))
    )
    sides = np.sort(longer_sides(found) / min(reduced.x, reduced.y))
    whole = sides[sides >= _PART * size]
    return _weighted_median(whole, _WEIGHT_DYED if dyed else _WEIGHT), len(whole)


def _weighted_median(values: npt.NDArray[np.float32], power: float) -> float:
    """Median of sorted values, each weighted by this power of itself; 0 of none."""
    if not len(values):
        return 0.0
    total = np.cumsum(values**power)
    return float(values[np.searchsorted(total, total[-1] / 2)])


def _middle(image: Image, size: float) -> Image:
    """The middle of an image, large enough for many cells of this size."""
    view = round(_VIEW * size)
    top, left = (max(0, (length - view) // 2) for length in image.shape[:2])
    return image[top : top + view, left : left + view]
