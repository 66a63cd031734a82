"""Synthetic-like images: the labelled cells, seamlessly cloned onto the blurred image (3.5).

Unlabelled cells vanish in the blur, so that the network is no longer penalised for false positives there.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes
from sissi.config import Blur

Image = npt.NDArray[np.uint8]
RIM = 2
"""Width in px around a clone that seamlessClone needs inside both images to clone without a shift."""


def blurred(image: Image, blur: Blur) -> Image:
    """Image (H, W, 3) uint8 after a Gaussian blur."""
    return np.asarray(cv2.GaussianBlur(image, blur.kernel, blur.sigma), np.uint8)


def regions(boxes: Boxes, height: int, width: int, margin: int) -> list[tuple[int, int, int, int]]:
    """Cloned regions: each box with a margin.

    A region may exceed the image by up to `margin`; the image is mirrored there.

    Args:
        boxes: boxes of the cells, in px of the image.
        height: height of the image, in px.
        width: width of the image, in px.
        margin: margin around each box, in px.

    Returns:
        Left, top, right and bottom of each region, in whole px.
    """
    outward = boxes.xyxy + np.array([-margin, -margin, margin, margin], np.float32)
    whole = np.concatenate([np.floor(outward[:, :2]), np.ceil(outward[:, 2:])], axis=1)
    limit = np.array([width + margin, height + margin, width + margin, height + margin])
    return [tuple(int(value) for value in row) for row in np.clip(whole, -margin, limit)]  # type: ignore[misc]


def synthesise(
    image: Image,
    boxes: Boxes,
    blur: Blur,
    margin: int,
    *,
    cloning: Literal["per_cell", "union"] = "per_cell",
    shape: Literal["rectangle", "ellipse"] = "rectangle",
) -> Image:
    """Synthetic-like version of an image for its pseudo labels.

    Labelled cells are cloned with mixed gradients (Perez et al. 2003) at their own positions. By default they are
    cloned one after another, so that outside the regions the result equals the blurred image. An image without boxes
    becomes the blurred image, which shows no cells, in agreement with its labels.

    Args:
        image: RGB image, shape (H, W, 3), uint8; it is not changed.
        boxes: boxes of the cells, in px of the image.
        blur: blur of the background.
        margin: margin of a region around its box, in px.
        cloning: cell by cell, or the union of all regions at once. For the union, OpenCV solves one equation for the
            rectangle around all regions, in which the brightness of the blur between cells may drift.
        shape: shape of each region: the rectangle, or the ellipse inside it.

    Returns:
        RGB image, shape (H, W, 3), uint8.
    """
    height, width = image.shape[:2]
    pad = margin + RIM
    cells = _mirrored(image, pad)
    result = _mirrored(blurred(image, blur), pad)
    union = np.zeros(cells.shape[:2], np.uint8)
    for left, top, right, bottom in regions(boxes, height, width, margin):
        window = np.s_[top + pad - RIM : bottom + pad + RIM, left + pad - RIM : right + pad + RIM]
        mask = _mask(bottom - top, right - left, shape)
        if cloning == "union":
            union[window] |= mask
        else:
            result[window] = _clone(cells[window], result[window], mask)
    if union.any():
        result = _clone(cells, result, union)
    return result[pad : pad + height, pad : pad + width].copy()


def _mirrored(image: Image, pad: int) -> Image:
    return np.asarray(cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_REFLECT), np.uint8)


def _mask(height: int, width: int, shape: Literal["rectangle", "ellipse"]) -> npt.NDArray[np.uint8]:
    """Mask with 255 in a region of this height and width, in px, and a rim of 0 around it, uint8."""
    inside = np.ones((height, width), bool)
    if shape == "ellipse":
        down, right = ((2 * np.arange(side) + 1) / side - 1 for side in (height, width))
        inside = down[:, None] ** 2 + right**2 <= 1
    return np.pad(np.where(inside, 255, 0).astype(np.uint8), RIM)


def _clone(cell: Image, background: Image, mask: npt.NDArray[np.uint8]) -> Image:
    """Mixed-gradient clone of the masked part of one image to the same position in another of equal size."""
    left, top, width, height = cv2.boundingRect(mask)
    centre = (left + width // 2, top + height // 2)
    return np.asarray(cv2.seamlessClone(cell, background, mask, centre, cv2.MIXED_CLONE), np.uint8)
