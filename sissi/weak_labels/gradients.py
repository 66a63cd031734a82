"""Sobel derivatives of an image and their magnitude, bitwise equal in every run."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def derivatives(image: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Sobel derivatives of an image (H, W) in x and y, shape (H, W), float32 each: 8 times the slope per px."""
    return cv2.Sobel(image, cv2.CV_32F, 1, 0), cv2.Sobel(image, cv2.CV_32F, 0, 1)


def magnitude(across: Floats, down: Floats) -> Floats:
    """Magnitude of the gradient, shape (H, W), float32."""
    # not cv2.magnitude: its last bit depends on the memory addresses of the arrays, and where two paths are equally
    # steep, a watershed then gives other cells
    return np.sqrt(across * across + down * down)
