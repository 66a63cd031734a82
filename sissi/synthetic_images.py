"""Synthetic-like images: the labelled cells, seamlessly cloned onto the blurred image (3.5).

Cells that nobody labelled vanish in the blur, so that they no longer punish the network as false positives.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes
from sissi.settings import Blur

Image = npt.NDArray[np.uint8]
RIM = 2
"""Pixels around a clone that seamlessClone needs inside both images to place it without a shift."""


def blurred(image: Image, blur: Blur) -> Image:
    """The (H, W, 3) uint8 image under a Gaussian kernel."""
    return np.asarray(cv2.GaussianBlur(image, blur.kernel, blur.sigma), np.uint8)


def regions(boxes: Boxes, height: int, width: int, margin: int) -> list[tuple[int, int, int, int]]:
    """Left, top, right, bottom in whole px of what is cloned: each box and `margin` px around it.

    A region may reach beyond the image by up to `margin`: the image is mirrored there. A rectangle and not an ellipse,
    since a cell's halo reaches into the corners of its box.
    """
    outward = boxes.xyxy + np.array([-margin, -margin, margin, margin], np.float32)
    whole = np.concatenate([np.floor(outward[:, :2]), np.ceil(outward[:, 2:])], axis=1)
    limit = np.array([width + margin, height + margin, width + margin, height + margin])
    return [tuple(int(value) for value in row) for row in np.clip(whole, -margin, limit)]  # type: ignore[misc]


def synthesise(image: Image, boxes: Boxes, blur: Blur, margin: int) -> Image:
    """The synthetic-like version of a (H, W, 3) uint8 image for its pseudo labels, of the same size.

    Each labelled cell is cloned with mixed gradients (Perez et al. 2003) at its own place, one after the other.
    Outside the regions the result equals the blurred image. An image without boxes becomes its blur: an image without
    cells, as its labels say.
    """
    height, width = image.shape[:2]
    pad = margin + RIM
    cells = _mirrored(image, pad)
    result = _mirrored(blurred(image, blur), pad)
    for left, top, right, bottom in regions(boxes, height, width, margin):
        window = np.s_[top + pad - RIM : bottom + pad + RIM, left + pad - RIM : right + pad + RIM]
        result[window] = _clone(cells[window], result[window])
    return result[pad : pad + height, pad : pad + width].copy()


def _mirrored(image: Image, pad: int) -> Image:
    return np.asarray(cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_REFLECT), np.uint8)


def _clone(cell: Image, background: Image) -> Image:
    """Mixed-gradient clone of all but the rim of one window onto an equally large one."""
    height, width = cell.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    mask[RIM:-RIM, RIM:-RIM] = 255
    centre = (width // 2, height // 2)
    return np.asarray(cv2.seamlessClone(cell, background, mask, centre, cv2.MIXED_CLONE), np.uint8)
