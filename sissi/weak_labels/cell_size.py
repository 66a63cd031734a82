"""The size of a typical cell, estimated from images without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sissi.errors import DataError
from sissi.weak_labels.channels import Image, grey

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class CellSize:
    """Size of a typical cell, as estimated.

    Attributes:
        size: longer side of a typical cell, in px.
        low: lower end of the range in which the sizes of half of the images lie, in px.
        high: upper end of it.
        confidence: how sure the estimate is, from 0 (a guess) to 1.
        reason: what it was estimated from, and what speaks against it, in words.
    """

    size: float
    low: float
    high: float
    confidence: float
    reason: str


def estimate_cell_size(images: Sequence[Image]) -> CellSize:
    """Estimate the size of a typical cell from images of one kind together.

    Args:
        images: some images of the folder, each (H, W) or (H, W, 3), uint8.

    Raises:
        DataError: there is nothing to be seen in any of them.
        ValueError: an array has another shape or dtype.
    """
    found = [size for size in map(_blob_size, images) if size is not None]
    if not found:
        raise DataError(
            "the images are empty: nothing differs from the background, so that the size of a cell is unknown"
        )
    low, size, high = (float(value) for value in np.percentile(found, (25, 50, 75)))
    confidence = float(np.clip(2 - high / low, 0, 1))
    return CellSize(size, low, high, confidence, f"{len(found)} images, half of them from {low:.0f} to {high:.0f} px")


def _blob_size(image: Image) -> float | None:
    """Diameter in px of the blobs of which the image has most contrast; None for an even image."""
    light = grey(image).astype(np.float32)
    unlike = np.abs(light - np.median(light))
    if not unlike.any():
        return None
    sigmas = np.geomspace(2, max(4, min(light.shape) / 6), 16)
    responses = [float(_laplacian(unlike, sigma).clip(0).mean()) for sigma in sigmas]
    return float(2 * np.sqrt(2) * sigmas[int(np.argmax(responses))])


def _laplacian(light: Floats, sigma: float) -> Floats:
    """Negative Laplacian of Gaussian, normalised by scale, shape (H, W), float32."""
    response: Floats = -(sigma**2) * cv2.Laplacian(cv2.GaussianBlur(light, (0, 0), sigma), cv2.CV_32F)
    return response
