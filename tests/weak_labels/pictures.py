"""Images in closed form: what a pipeline should find in them is known."""

from collections.abc import Sequence

import cv2
import numpy as np

from sissi.boxes import Boxes, iou
from sissi.weak_labels.channels import Image

Circle = tuple[float, float, float]


def discs(circles: Sequence[Circle], shape: tuple[int, int] = (120, 160), light: int = 200, ground: int = 90) -> Image:
    """Bright discs of x, y, radius in px on an even ground; the image spans [0, width] x [0, height]."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    picture = np.full(shape, float(ground))
    for left, top, radius in circles:
        inside = np.clip(radius - np.hypot(x - left, y - top) + 0.5, 0, 1)
        picture = np.maximum(picture, ground + (light - ground) * inside)
    return np.round(picture).astype(np.uint8)


def halos(circles: Sequence[Circle], shape: tuple[int, int] = (120, 160), body: int = 85) -> Image:
    """Grey bodies of x, y, radius in px inside bright halos of 3 px."""
    inner = [(x, y, radius - 3) for x, y, radius in circles]
    picture = discs(circles, shape)
    hole = discs(inner, shape, light=255, ground=0).astype(float) / 255
    return np.round(picture * (1 - hole) + body * hole).astype(np.uint8)


def noise(seed: int, shape: tuple[int, int], grain: float) -> Image:
    """Smooth noise that fills the range of grey levels; `grain` is its scale in px."""
    rough = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    smooth = cv2.GaussianBlur(rough, (0, 0), grain)
    low, high = float(smooth.min()), float(smooth.max())
    stretched: Image = np.round(255 * (smooth - low) / max(high - low, 1e-6)).astype(np.uint8)
    return stretched


def distances(found: Boxes, circles: Sequence[Circle], margin: float = 0) -> list[float]:
    """For each circle the largest distance in px between its box, with a margin, and the sides of the found box that
    overlaps it most."""
    expected = np.array([[x - r - margin, y - r - margin, x + r + margin, y + r + margin] for x, y, r in circles])
    best = iou(
        Boxes(expected.astype(np.float32), np.ones(len(circles), np.float32), np.ones(len(circles), np.int64)), found
    )
    return [float(np.abs(found.xyxy[j] - box).max()) for j, box in zip(best.argmax(axis=1), expected, strict=True)]
