"""Choice of the pipeline for an image by the intensity profile of its cells: dark ring, bright halo, or neither."""

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
    """Intensity profile of the regions of an image that differ from its background.

    Both measures are ratios of grey levels, so they do not depend on brightness and contrast of the image.

    Attributes:
        regions: number of regions of the size of a cell.
        rim: intensity along the boundary, relative to the background, over the mean absolute deviation of the region
            from the background; median over the regions. Below 0 for regions with a dark ring; NaN without regions.
        balance: (brighter - darker) / (brighter + darker), the sums of positive and negative deviations from the
            background; median over the regions. 1 if all pixels are brighter than the background, -1 if all are
            darker; NaN without regions.
    """

    regions: int
    rim: float
    balance: float


@dataclass(frozen=True)
class Choice:
    """Chosen pipeline, and the reason of the choice in words."""

    pipeline: PipelineName
    reason: str


def choose(image: Image, settings: WeakLabels) -> Choice:
    """Choose the pipeline for an image by its appearance.

    Cells with a dark rim are dead (a bright disc in a dark ring). Cells that are bright everywhere are alive (a bright
    halo, and a body that is not darker than the background). All others are inhibited (grains brighter and darker than
    the background, and no ring). Round cells on a brighter background, such as stained blood cells, have a dark rim
    too, so that they count as dead.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.
        settings: thresholds of the rule, and the settings by which the inhibited pipeline detects regions.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    appearance, limits = measure(image, settings), settings.auto
    if not appearance.regions:
        return Choice("inhibited", "no region of the size of a cell differs from the background")
    rim, balance = f"rim {appearance.rim:.2f}", f"balance {appearance.balance:.2f}"
    if appearance.rim < limits.dark_rim:
        return Choice("dead", f"{rim} < {limits.dark_rim}: dark ring")
    if appearance.balance > limits.bright_balance:
        return Choice("alive", f"{rim}, {balance} > {limits.bright_balance}: bright halo")
    return Choice("inhibited", f"{rim}, {balance}: neither dark ring nor bright halo")


def measure(image: Image, settings: WeakLabels) -> Appearance:
    """Appearance of the regions that the inhibited pipeline detects and that have the size of one cell.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.
        settings: range of sizes, width of the rim, and settings of the inhibited pipeline.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    even = correct_illumination(grey(image), settings.inhibited.illumination_radius)
    regions = find_regions(even, settings.inhibited)
    light = even - np.float32(np.median(even[regions == 0]) if (regions == 0).any() else np.median(even))
    inside = cv2.distanceTransform((regions > 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    smallest, largest = settings.auto.area
    ratios = [
        _ratios(light[window][region], inside[window][region] <= settings.auto.rim_width)
        for window, region in _windows_and_masks(regions)
        if smallest <= region.sum() <= largest
    ]
    if not ratios:
        return Appearance(0, float("nan"), float("nan"))
    rim, balance = np.median(ratios, axis=0)
    return Appearance(len(ratios), float(rim), float(balance))


def _windows_and_masks(regions: npt.NDArray[np.int32]) -> list[tuple[Any, npt.NDArray[np.bool_]]]:
    """Bounding window in the image, and mask inside it, of each region."""
    windows = ndimage.find_objects(regions)
    return [(window, regions[window] == number) for number, window in enumerate(windows, start=1)]


def _ratios(light: npt.NDArray[np.float32], rim: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Rim and balance of a region.

    Args:
        light: deviation of its pixels from the background, shape (N,), float32.
        rim: whether each pixel lies along the boundary, shape (N,), bool.
    """
    deviation = max(float(np.abs(light).mean()), 1e-6)
    return float(light[rim].mean()) / deviation, float(light.mean()) / deviation
