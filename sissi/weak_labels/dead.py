"""Weak labels of dead cells (appendix A, figure 6): a circle Hough transform of the grey image."""

from __future__ import annotations

from math import ceil

import cv2
import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, clip, drop_degenerate, make_boxes, suppress
from sissi.config import DeadCells
from sissi.weak_labels.channels import Image, grey

Circles = npt.NDArray[np.float32]


def find_cells(image: Image, settings: DeadCells) -> Boxes:
    """Boxes around the round, bright cells of an image, clipped to it; scores are 1.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.
        settings: settings of this pipeline, in px of this image.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    height, width = image.shape[:2]
    circles = find_circles(smooth(grey(image), settings.smoothing), settings)
    boxes = clip(circle_boxes(circles, settings.margin), width, height)
    return make_boxes(suppress(drop_degenerate(boxes), settings.nms_iou).xyxy)


def smooth(image: Image, deviation: float) -> Image:
    """Grey image (H, W) uint8 after a Gaussian filter of this standard deviation in px; unchanged for 0."""
    if not deviation:
        return image
    blurred: Image = cv2.GaussianBlur(image, (0, 0), deviation)
    return blurred


def find_circles(image: Image, settings: DeadCells) -> Circles:
    """Circle Hough transform of a grey image.

    The distance of two centres is at least the smallest radius.

    Args:
        image: grey image, shape (H, W), uint8.
        settings: settings of the transform, in px of this image.

    Returns:
        x, y and radius in px, and votes of each circle, most votes first, shape (N, 4), float32.
    """
    smallest, largest = settings.radius
    circles = cv2.HoughCirclesWithAccumulator(
        image,
        cv2.HOUGH_GRADIENT,
        dp=1,
        minDist=max(1.0, smallest),
        param1=settings.edge_threshold,
        param2=settings.votes,
        minRadius=int(smallest),
        maxRadius=ceil(largest),
    )
    return np.zeros((0, 4), np.float32) if circles is None else np.asarray(circles, np.float32).reshape(-1, 4)


def circle_boxes(circles: Circles, margin: float) -> Boxes:
    """Squares around circles with a margin in px; scores are the votes.

    Args:
        circles: x, y, radius and votes of each circle, shape (N, 4), float32.
        margin: margin on each side, in px.
    """
    x, y, radius, votes = circles.T
    half = radius + margin
    return make_boxes(np.stack([x - half, y - half, x + half, y + half], axis=1), scores=votes)
