"""Reduction of a microscope image to the channel that a pipeline uses."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]


def grey(image: Image) -> Image:
    """Luminance of a grey or RGB image; for equal channels, the channel itself.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.

    Returns:
        Luminance, shape (H, W), uint8.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    if _is_grey(image):
        return image
    luminance: Image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return luminance


def hsv_value(image: Image) -> Image:
    """HSV value of a grey or RGB image: the largest channel.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.

    Returns:
        HSV value, shape (H, W), uint8.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    if _is_grey(image):
        return image
    value: Image = image.max(axis=2)
    return value


def distinct_channels(image: Image) -> Image:
    """The channels of a grey or RGB image that differ.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.

    Returns:
        One channel if the image is grey or all channels are equal, else three, shape (H, W, 1) or (H, W, 3), uint8.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    if _is_grey(image):
        return image[..., None]
    first = image[..., :1]
    return first if (image == first).all() else image


def _is_grey(image: Image) -> bool:
    shape_fits = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype != np.uint8 or not shape_fits or image.size == 0:
        raise ValueError(f"an image must be (H, W) or (H, W, 3) uint8 RGB, not {image.shape} {image.dtype}")
    return image.ndim == 2
