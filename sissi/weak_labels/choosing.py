"""Choice of the pipeline for an image: by what is bright and dark in it, and by the intensity profile of its cells."""

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
from sissi.weak_labels.reduced import reduce
from sissi.weak_labels.tone import Tone, measure_tone

_FEW = 3
"""Number of regions below which the intensity profile of cells is not known."""
_HOLLOW = 0.85
"""Rim above which a bright cell is a ring: the light at its rim is about the mean of it."""


@dataclass(frozen=True)
class Appearance:
    """Intensity profile of the regions of an image that differ from its background.

    All measures are ratios, so they do not depend on brightness and contrast of the image.

    Attributes:
        regions: number of regions of the size of a cell.
        rim: intensity along the boundary, relative to the background, over the mean absolute deviation of the region
            from the background; median over the regions. Below 0 for regions with a dark ring; NaN without regions.
        balance: (brighter - darker) / (brighter + darker), the sums of positive and negative deviations from the
            background; median over the regions. 1 if all pixels are brighter than the background, -1 if all are
            darker; NaN without regions.
        apart: share of the area of all regions that lies in those of the size of a cell; NaN without regions.
    """

    regions: int
    rim: float
    balance: float
    apart: float


@dataclass(frozen=True)
class Choice:
    """Chosen pipeline, and the reason of the choice in words."""

    pipeline: PipelineName
    reason: str


def choose(image: Image, settings: WeakLabels) -> Choice:
    """Choose the pipeline for an image by its appearance.

    Cells of another colour than the background are stained. Where all that departs from the background is brighter, or
    all darker, cells are fluorescent or stained, unless they are hollow. In transmitted light, bright cells with a dark
    rim are dead (a disc in a ring). Cells that are bright everywhere are alive (a bright halo, and a body that is not
    darker than the background). Cells about as dark as bright (a halo, and a body that is darker), cells of strong
    contrast, and cells that touch are adherent. All others are inhibited (grains that are mostly brighter than the
    background, no ring, and room between them).

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.
        settings: thresholds of the rule, and the settings by which the inhibited pipeline detects regions.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    tone, limits = measure_tone(image), settings.auto
    if tone.coloured:
        return Choice("stained", f"colour {tone.colour:.2f}: a stain")
    reduced = reduce(image, settings)
    appearance = measure(reduced.image, reduced.settings)
    if tone.one_sided and not _is_denied(tone, appearance, settings):
        direction = "brighter" if tone.balance > 0 else "darker"
        return Choice("stained", f"tone {tone.balance:.2f}: cells {direction} than the background")
    if not appearance.regions:
        return Choice("inhibited", "no region of the size of a cell differs from the background")
    rim, balance = f"rim {appearance.rim:.2f}", f"balance {appearance.balance:.2f}"
    if appearance.rim < limits.dark_rim and appearance.balance > limits.dark_balance:
        return Choice("dead", f"{rim} < {limits.dark_rim}: dark ring")
    if appearance.balance > limits.bright_balance:
        return Choice("alive", f"{rim}, {balance} > {limits.bright_balance}: bright halo")
    if appearance.balance < limits.even_balance:
        return Choice("adherent", f"{rim}, {balance} < {limits.even_balance}: as dark as bright")
    if tone.gain > limits.strong_contrast:
        return Choice(
            "adherent", f"{rim}, {balance}, contrast {tone.gain:.2f} > {limits.strong_contrast}: strong halos"
        )
    if appearance.apart < limits.apart and appearance.balance < limits.touching_balance:
        apart = f"apart {appearance.apart:.2f} < {limits.apart}"
        return Choice("adherent", f"{rim}, {balance} < {limits.touching_balance}, {apart}: cells touch")
    return Choice("inhibited", f"{rim}, {balance}: neither dark ring nor bright halo")


def _is_denied(tone: Tone, appearance: Appearance, settings: WeakLabels) -> bool:
    """Whether the cells themselves say that they are not stained: each is bright and dark, or a bright ring.

    A dye that shines may be in the membrane alone: then cells are rings as well, but far brighter than the background.
    """
    if appearance.regions < _FEW:
        return False
    mixed = abs(appearance.balance) < settings.auto.bright_balance
    hollow = appearance.balance > settings.auto.bright_balance and appearance.rim > _HOLLOW
    return mixed or (hollow and tone.gain < 1)


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
    seen = [(window, region) for window, region in _windows_and_masks(regions) if region.sum() >= smallest]
    single = [(window, region) for window, region in seen if region.sum() <= largest]
    if not single:
        return Appearance(0, float("nan"), float("nan"), float("nan"))
    measured = [
        ratios(light[window][region], inside[window][region] <= settings.auto.rim_width) for window, region in single
    ]
    rim, balance = np.median(measured, axis=0)
    apart = sum(int(region.sum()) for _, region in single) / sum(int(region.sum()) for _, region in seen)
    return Appearance(len(measured), float(rim), float(balance), apart)


def _windows_and_masks(regions: npt.NDArray[np.int32]) -> list[tuple[Any, npt.NDArray[np.bool_]]]:
    """Bounding window in the image, and mask inside it, of each region."""
    windows = ndimage.find_objects(regions)
    return [(window, regions[window] == number) for number, window in enumerate(windows, start=1)]


def ratios(light: npt.NDArray[np.float32], rim: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Rim and balance of a region.

    Args:
        light: deviation of its pixels from the background, shape (N,), float32.
        rim: whether each pixel lies along the boundary, shape (N,), bool.
    """
    deviation = max(float(np.abs(light).mean()), 1e-6)
    return float(light[rim].mean()) / deviation, float(light.mean()) / deviation
