"""Mathematical morphology for all pipelines, and boxes around regions."""

from __future__ import annotations

from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from sissi.boxes import Boxes, make_boxes, suppress
from sissi.weak_labels.channels import Image


def disk(radius: int) -> Image:
    """Disk as structuring element, shape (2 radius + 1, 2 radius + 1), uint8."""
    element: Image = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return element


Levels = TypeVar("Levels", npt.NDArray[np.uint8], npt.NDArray[np.float32])


def reconstruct(seed: Levels, limit: Levels) -> Levels:
    """Morphological reconstruction by dilation with 8 neighbours: `seed` grows below `limit` until it is stable.

    The result is that of scikit-image's `reconstruction`, computed about 15 times as fast.

    Args:
        seed: start image, nowhere above `limit`, shape (H, W), uint8 or float32.
        limit: upper limit of the result, of the same shape and dtype.
    """
    grown: Levels = cv2.min(cv2.dilate(seed, np.ones((3, 3), np.uint8)), limit)
    while not np.array_equal(grown, seed):
        seed, grown = grown, cv2.min(cv2.dilate(grown, np.ones((3, 3), np.uint8)), limit)
    return seed


def open_by_reconstruction(image: Image, radius: int) -> Image:
    """Image (H, W) uint8 without bright parts that are too small for the disk; other parts keep their outlines."""
    return reconstruct(cv2.erode(image, disk(radius)), image)


def close_by_reconstruction(image: Image, radius: int) -> Image:
    """Image (H, W) uint8 with dark parts filled that are too small for the disk; other parts keep their outlines."""
    filled: Image = 255 - open_by_reconstruction(255 - image, radius)
    return filled


def fill_holes(mask: Image) -> Image:
    """Mask (H, W) uint8, 0 or 255, with all enclosed holes filled."""
    framed = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(framed, None, (0, 0), 255)
    enclosed: Image = 255 - framed[1:-1, 1:-1]
    return mask | enclosed


def fill_small_holes(mask: Image, area: float) -> Image:
    """Mask (H, W) uint8, 0 or 1, with enclosed holes filled that have at most this area in square px."""
    _, holes, statistics, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    small = statistics[:, cv2.CC_STAT_AREA] <= area
    outer = np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]])
    small[outer] = False
    small[0] = False
    return np.where(small[holes], 1, mask).astype(np.uint8)


def extents(regions: npt.NDArray[Any]) -> Boxes:
    """Bounding boxes of labelled regions; scores are 1.

    Args:
        regions: positive number of the region of each pixel, 0 for the background, shape (H, W), integers.
    """
    found = [extent for extent in ndimage.find_objects(regions) if extent is not None]
    return make_boxes([[x.start, y.start, x.stop, y.stop] for y, x in found])


def region_boxes_by_side(regions: npt.NDArray[Any], side: tuple[float, float]) -> Boxes:
    """Bounding boxes of labelled regions, filtered by their longer side; scores are 1.

    Args:
        regions: positive number of the region of each pixel, 0 for the background, shape (H, W), integers.
        side: smallest and largest longer side of a box, in px, both inclusive.
    """
    boxes = extents(regions)
    longer = longer_sides(boxes)
    return boxes.take((longer >= side[0]) & (longer <= side[1]))


def longer_sides(boxes: Boxes) -> npt.NDArray[np.float32]:
    """Longer side of each box in px, shape (N,), float32."""
    longer: npt.NDArray[np.float32] = np.maximum(boxes.widths, boxes.heights)
    return longer


def region_boxes(regions: npt.NDArray[Any], area: tuple[float, float], nms_iou: float) -> Boxes:
    """Bounding boxes of labelled regions, filtered by area and non-maximum suppression; scores are 1.

    Args:
        regions: positive number of the region of each pixel, 0 for the background, shape (H, W), integers.
        area: smallest and largest area of a box, in square px, both inclusive.
        nms_iou: IoU above which the smaller box is removed.
    """
    boxes = extents(regions)
    fitting = boxes.take((boxes.areas >= area[0]) & (boxes.areas <= area[1]))
    return make_boxes(suppress(make_boxes(fitting.xyxy, scores=fitting.areas), nms_iou).xyxy)
