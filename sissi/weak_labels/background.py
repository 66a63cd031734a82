"""What the background of an image looks like, and how far each pixel departs from it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
import numpy.typing as npt
from skimage.filters import threshold_otsu

from sissi.weak_labels.channels import Image, distinct_channels
from sissi.weak_labels.gradients import derivatives, magnitude

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_SAMPLES = 4
"""Standard deviation of a wide Gaussian filter on the reduced image, in px."""
_PASSES = 2
"""Estimates of the background: from two classes of brightness, then from the pixels that are close to the first."""
_ROUNDING = 0.5
"""Largest distance that is due to rounding, in grey levels."""
_AREA = 0.1
"""Weight of the area of a class as evidence, against its smoothness and its paleness: dense cells may cover more."""
_FAINT_COLOUR = 10.0
"""Difference of channels, in grey levels, below which colours do not count."""


@dataclass(frozen=True)
class Departure:
    """How far each pixel departs from the background around it.

    Attributes:
        distance: of its colour, in grey levels, shape (H, W), float32.
        light: of its luminance, in grey levels, positive where it is brighter, shape (H, W), float32.
        channels: number of channels that differ, 1 or 3.
    """

    distance: Floats
    light: Floats
    channels: int


def departure(image: Image, smoothing: float, reach: float) -> Departure:
    """Departure from the background, which is uneven, brighter or darker than the cells, and of any colour.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.
        smoothing: standard deviation of a Gaussian filter against noise, in px.
        reach: standard deviation of the Gaussian window in which the background is estimated, in px.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    own = np.ascontiguousarray(distinct_channels(image), np.float32)
    channels = np.atleast_3d(cv2.GaussianBlur(own, (0, 0), smoothing))
    ground = find_background(channels, reach)
    for _ in range(_PASSES):
        difference = channels - _spread(channels, ground, reach)
        distance = np.sqrt((difference * difference).sum(axis=2))
        ground = distance <= otsu(distance)
    return Departure(distance, difference.mean(axis=2), channels.shape[2])


def find_background(channels: Floats, reach: float) -> Mask:
    """Which pixels are background, shape (H, W), bool: of two classes of brightness the smoother and paler one.

    Cells have edges, grains and colour. A background has none of them, whether it is bright or dark. Where that decides
    nothing, the background is larger.

    Args:
        channels: shape (H, W, 1) or (H, W, 3), float32.
        reach: pixels are compared to their surroundings of this standard deviation, in px, so that illumination may be
            uneven.
    """
    light = channels.mean(axis=2)
    even = light - wide_blur(light, reach)
    bright = even > threshold_otsu(even)
    slope = magnitude(*derivatives(light))
    evidence = _log_ratio(slope, bright, 0.5)
    if channels.shape[2] == 3:
        evidence += _log_ratio(channels.max(axis=2) - channels.min(axis=2), bright, _FAINT_COLOUR)
    evidence -= _AREA * float(np.log((bright.sum() + 1) / ((~bright).sum() + 1)))
    background: Mask = bright if evidence < 0 else ~bright
    return background


def wide_blur(image: Floats, deviation: float) -> Floats:
    """Gaussian filter of an image (H, W) or (H, W, C) float32 with a large standard deviation in px.

    It is computed on a reduced image, on which nothing is lost that the filter leaves.
    """
    factor = max(1, int(deviation / _SAMPLES))
    height, width = image.shape[:2]
    if factor == 1 or min(height, width) < factor:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), deviation), np.float32)
    small = cv2.resize(image, (ceil(width / factor), ceil(height / factor)), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), deviation / factor)
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def otsu(distance: Floats) -> float:
    """Otsu's threshold of the square roots of distances from the background, as a distance.

    The root makes the spread of faint and of strong cells alike, as it does that of photon counts. The threshold is
    never below what rounding to grey levels may be.
    """
    return max(_ROUNDING, float(threshold_otsu(np.sqrt(distance))) ** 2)


def _log_ratio(values: Floats, bright: Mask, least: float) -> float:
    """Logarithm of the ratio of medians inside bright and dark pixels, away from where they meet."""
    medians = [float(np.median(values[_core(mask)])) if mask.any() else 0.0 for mask in (bright, ~bright)]
    return float(np.log((medians[0] + least) / (medians[1] + least)))


def _core(mask: Mask) -> Mask:
    """The mask without its outermost pixels, unless nothing is left then."""
    core = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return core if core.any() else mask


def _spread(channels: Floats, ground: Mask, reach: float) -> Floats:
    """Colour of the background at each pixel: the weighted mean of the background around it."""
    core = _core(ground)
    typical = np.median(channels[core], axis=0) if core.any() else np.median(channels, axis=(0, 1))
    weight = core.astype(np.float32)[..., None]
    stacked = np.concatenate([(channels - typical) * weight, weight], axis=2)
    blurred = wide_blur(stacked, reach)
    spread: Floats = (typical + blurred[..., :-1] / (blurred[..., -1:] + 1e-2)).astype(np.float32)
    return spread
