"""Which pipeline suits an image, by how light lies on its cells: a dark ring, a bright halo, or grains of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from sissi.config import WeakLabels
from sissi.names import PipelineName
from sissi.weak_labels.channels import Image, grey
from sissi.weak_labels.inhibited import correct_illumination, find_regions


@dataclass(frozen=True)
class Appearance:
    """How light lies on the regions of an image that stand out from its ground.

    Both measures are ratios of grey levels, so brightness and contrast of the image do not matter.

    Attributes:
        regions: how many of the size of a cell there are.
        rim: light along the boundary over the mean deviation of the region from the ground, either way; the median of
            the regions. Below 0 where a dark ring surrounds them; nan without regions.
        balance: what is brighter than the ground less what is darker, over both; the median of the regions. 1 where all
            is brighter than the ground, -1 where all is darker; nan without regions.
    """

    regions: int
    rim: float
    balance: float


@dataclass(frozen=True)
class Choice:
    """A pipeline, and in words why it was taken."""

    pipeline: PipelineName
    reason: str


def choose(image: Image, settings: WeakLabels) -> Choice:
    """The pipeline for an image, by rule.

    A dark rim makes the cells dead ones (a bright disc in a dark ring); cells that are bright all over, alive ones (the
    halo shines, and the body is no darker than the ground); all others are inhibited (grains brighter and darker than
    the ground, and no ring). Cells on a brighter ground, as of stained blood, have a dark rim too: round ones.

    Args:
        image: (H, W) or (H, W, 3) uint8 RGB.
        settings: the limits of the rule, and how the inhibited pipeline tells cells from the ground.

    Raises:
        ValueError: the array is no such image.
    """
    look, limits = measure(image, settings), settings.auto
    if not look.regions:
        return Choice("inhibited", "nothing of a cell's size stands out from the ground")
    rim, balance = f"rim {look.rim:.2f}", f"balance {look.balance:.2f}"
    if look.rim < limits.dark_rim:
        return Choice("dead", f"{rim} < {limits.dark_rim}: dark ring")
    if look.balance > limits.bright_balance:
        return Choice("alive", f"{rim}, {balance} > {limits.bright_balance}: bright halo")
    return Choice("inhibited", f"{rim}, {balance}: neither dark ring nor bright halo")


def measure(image: Image, settings: WeakLabels) -> Appearance:
    """The look of the regions that the inhibited pipeline finds, of those of the size of one cell."""
    even = correct_illumination(grey(image), settings.inhibited.illumination_radius)
    regions = find_regions(even, settings.inhibited)
    light = even - np.float32(np.median(even[regions == 0]) if (regions == 0).any() else np.median(even))
    inside = cv2.distanceTransform((regions > 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    smallest, largest = settings.auto.area
    shares = [
        _shares(light[place][region], inside[place][region] <= settings.auto.rim_width)
        for place, region in _each(regions)
        if smallest <= region.sum() <= largest
    ]
    if not shares:
        return Appearance(0, float("nan"), float("nan"))
    rim, balance = np.median(shares, axis=0)
    return Appearance(len(shares), float(rim), float(balance))


def _each(regions: npt.NDArray[np.int32]) -> list[tuple[Any, npt.NDArray[np.bool_]]]:
    """Place in the image and mask of each region."""
    return [(place, regions[place] == number) for number, place in enumerate(ndimage.find_objects(regions), start=1)]


def _shares(light: npt.NDArray[np.float32], rim: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Rim and balance of a region, from the light (N,) of its pixels and which of them lie along its boundary."""
    deviation = max(float(np.abs(light).mean()), 1e-6)
    return float(light[rim].mean()) / deviation, float(light.mean()) / deviation
