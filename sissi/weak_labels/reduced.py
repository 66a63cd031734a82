"""Images of large cells, reduced to the scale that the pipelines were made for: faster, and without their grain."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from sissi.config import WeakLabels
from sissi.config.sizes import DRAWN_CELL
from sissi.weak_labels.channels import Image

_WORTH = 1.5
"""Size of cells in multiples of `DRAWN_CELL` up to which an image stays as it is: to reduce it a little blurs it."""


@dataclass(frozen=True)
class Reduced:
    """An image at the scale at which it is worked on.

    Attributes:
        image: the image, reduced if its cells are much larger than those that the defaults are for.
        settings: in px of this image.
        x: its width over that of the original.
        y: its height over that of the original.
    """

    image: Image
    settings: WeakLabels
    x: float
    y: float


def reduce(image: Image, settings: WeakLabels) -> Reduced:
    """The image with cells of `DRAWN_CELL` px if they are much larger, and the settings for it.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.
        settings: in px of this image; without the size of a cell in them, the image stays as it is.
    """
    if settings.cell_size == "auto" or settings.cell_size <= _WORTH * DRAWN_CELL:
        return Reduced(image, settings, 1, 1)
    factor = DRAWN_CELL / settings.cell_size
    height, width = (max(1, round(length * factor)) for length in image.shape[:2])
    small = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return Reduced(small, settings.scaled(factor), width / image.shape[1], height / image.shape[0])
