"""Splitting of cells that touch, by the watershed of how deep a pixel lies inside."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

from sissi.weak_labels.channels import Image
from sissi.weak_labels.morphology import reconstruct

Floats = npt.NDArray[np.float32]
Regions = npt.NDArray[np.int32]

_EIGHT = np.ones((3, 3), np.uint8)


def depth(mask: Image, smoothing: float) -> Floats:
    """Distance to the outside of a mask (H, W) uint8, smoothed, in px, shape (H, W), float32.

    A region that the border of the image cuts goes on behind it.
    """
    framed = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    distance = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    smooth: Floats = cv2.GaussianBlur(distance, (0, 0), smoothing) * (mask > 0)
    return smooth


def split(depths: Floats, mask: Image, neck: float) -> Regions:
    """Regions of single cells: the watershed from the deepest points.

    Two deep points are two cells if every path between them leads through a neck that is shallower than `neck` times
    the less deep of both; so cells of any size are split by the same rule.

    Args:
        depths: how deep each pixel lies inside a cell, shape (H, W), float32.
        mask: where cells are, shape (H, W), uint8.
        neck: ratio of depths, in (0, 1).

    Returns:
        Number of the cell of each pixel, 0 for the background, shape (H, W), int32.
    """
    inside = np.where(mask > 0, depths, 0).clip(0).astype(np.float32)
    flooded = reconstruct(inside * np.float32(neck), inside)
    peaks = local_maxima(flooded) & (flooded > 0)
    markers, _ = ndimage.label(peaks, structure=_EIGHT)
    return np.asarray(watershed(-depths, markers, mask=mask > 0), np.int32)
