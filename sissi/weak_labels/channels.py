"""The one channel of a microscope image that a pipeline works on."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]


def grey(image: Image) -> Image:
    """Luminance, (H, W) uint8, of an image (H, W) or (H, W, 3) uint8 RGB; equal channels give back themselves.

    Raises:
        ValueError: the array is no such image.
    """
    if _is_grey(image):
        return image
    luminance: Image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return luminance


def hsv_value(image: Image) -> Image:
    """V of HSV, the largest channel, (H, W) uint8, of an image (H, W) or (H, W, 3) uint8 RGB.

    Raises:
        ValueError: the array is no such image.
    """
    if _is_grey(image):
        return image
    value: Image = image.max(axis=2)
    return value


def _is_grey(image: Image) -> bool:
    shape_fits = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype != np.uint8 or not shape_fits or image.size == 0:
        raise ValueError(f"an image is (H, W) or (H, W, 3) uint8 RGB, not {image.shape} {image.dtype}")
    return image.ndim == 2
