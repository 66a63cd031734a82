"""Sobel derivatives of an image and their magnitude, the same to the last bit on every run."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def derivatives(image: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Sobel derivatives of an image (H, W) across and down: (H, W) float32 each, 8 times the slope a px."""
    return cv2.Sobel(image, cv2.CV_32F, 1, 0), cv2.Sobel(image, cv2.CV_32F, 0, 1)


def magnitude(across: Floats, down: Floats) -> Floats:
    """Length of the gradient, (H, W) float32."""
    # not cv2.magnitude: its last bit depends on where the arrays lie in memory, and a watershed turns that into other
    # cells where two paths are equally steep
    return np.sqrt(across * across + down * down)
