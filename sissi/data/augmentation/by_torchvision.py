"""The augmentation of section 4.1 by torchvision's transforms, which change pixels; boxes are moved here.

torchvision's own boxes enclose the corners of a rotated box, and its affine transform has no mirrored border. So labels
would grow in every cycle of self-training, and images would have black corners.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from sissi.boxes import Boxes, clip, concatenate, flip, make_boxes
from sissi.config import Augmentation
from sissi.runtime.randomness import generator

Image = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]
SIGMA = (0.5, 3.0)
"""Smallest and largest standard deviation of the blur, in px; those of albumentations."""
CORNERS = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)


class TorchvisionAugmenter:
    """Augmentation by torchvision; see `augmentation.Augment`."""

    def __init__(self, settings: Augmentation) -> None:
        self._settings = settings

    def __call__(self, image: Image, boxes: Boxes, seed: int) -> tuple[Image, Boxes]:
        """The changed image and boxes."""
        settings, random = self._settings, generator(seed, "torchvision")
        height, width = image.shape[:2]
        changed = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        if random.random() < settings.channel_shuffle:
            changed = functional.permute_channels(changed, random.permutation(3).tolist())
        if random.random() < settings.gaussian_blur:
            smallest, largest = settings.blur_kernel
            kernel = int(random.choice(np.arange(smallest, largest + 1, 2)))
            changed = functional.gaussian_blur(changed, [kernel] * 2, [float(random.uniform(*SIGMA))] * 2)
        horizontal = random.random() < settings.horizontal_flip
        vertical = random.random() < settings.vertical_flip
        if horizontal:
            changed = functional.horizontal_flip(changed)
        if vertical:
            changed = functional.vertical_flip(changed)
        boxes = flip(boxes, width, height, horizontal=horizontal, vertical=vertical)
        if random.random() < settings.shift_scale_rotate:
            matrix = affine_matrix(
                scale=random.uniform(*settings.scale, size=2),
                angle=math.radians(random.uniform(-settings.rotate, settings.rotate)),
                # whole px, as in albumentations
                shift=np.trunc(random.uniform(-settings.shift, settings.shift, size=2) * (width, height)),
                centre=np.array([width, height]) / 2,
            )
            changed = warped(changed, matrix)
            boxes = moved(boxes, matrix, width, height)
        return np.ascontiguousarray(changed.numpy().transpose(1, 2, 0)), visible(
            boxes, width, height, settings.min_visibility
        )


def affine_matrix(
    scale: npt.NDArray[np.float64],
    angle: float,
    shift: npt.NDArray[np.float64],
    centre: npt.NDArray[np.float64],
) -> Matrix:
    """Matrix (2, 3) that scales about a centre, then rotates counter-clockwise, then shifts.

    Args:
        scale: factors of x and y.
        angle: angle in radians.
        shift: shift of x and y in px.
        centre: fixed point of scaling and rotation, in px from the outer edge of the first pixel.
    """
    cosine, sine = math.cos(angle), math.sin(angle)
    linear = np.array([[cosine, sine], [-sine, cosine]]) * scale
    return np.column_stack([linear, centre + shift - linear @ centre])


def warped(image: Tensor, matrix: Matrix) -> Tensor:
    """An image (3, H, W) under an affine map, bilinear, mirrored about its outermost pixels where the map leaves it.

    Args:
        image: image, uint8.
        matrix: map of px of the image to px of the result, shape (2, 3).
    """
    height, width = image.shape[1:]
    linear, offset = matrix[:, :2], matrix[:, 2]
    corners = CORNERS * (width, height)
    seen = (corners - offset) @ np.linalg.inv(linear).T
    # one more px, since the outermost results are interpolated; the mirror reaches to the other side at most
    left, top = np.minimum(np.ceil(-seen.min(axis=0)).clip(0) + 1, (width - 1, height - 1)).astype(int).tolist()
    right, bottom = np.ceil(seen.max(axis=0) - (width, height)).clip(0).astype(int) + 1
    right, bottom = min(int(right), width - 1), min(int(bottom), height - 1)
    padded = functional.pad(image, [left, top, right, bottom], padding_mode="reflect")
    border = np.array([left, top])
    mapped = corners @ linear.T + offset
    whole: Tensor = functional.perspective(padded, (corners + border).tolist(), (mapped + border).tolist())
    return whole[:, top : top + height, left : left + width]


def moved(boxes: Boxes, matrix: Matrix, width: int, height: int) -> Boxes:
    """Boxes under an affine map, with those that `warped` mirrors; each is that of the ellipse in its box.

    The box around a rotated box is larger than its cell, which is about the ellipse.
    """
    everywhere = concatenate(
        [
            make_boxes(_mirrored(boxes.xyxy, width, height, column, row), boxes.scores, boxes.labels)
            for column in (-1, 0, 1)
            for row in (-1, 0, 1)
        ]
    )
    low, high = everywhere.xyxy[:, :2].astype(np.float64), everywhere.xyxy[:, 2:].astype(np.float64)
    centres = (low + high) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half_sides = np.sqrt(((high - low) / 2) ** 2 @ (matrix[:, :2] ** 2).T)
    return make_boxes(np.hstack([centres - half_sides, centres + half_sides]), everywhere.scores, everywhere.labels)


def visible(boxes: Boxes, width: int, height: int, least: float) -> Boxes:
    """Boxes cut at the edges of the image, without those of whose area less than a share is inside."""
    inside = clip(boxes, width, height)
    return inside.take((inside.areas > 0) & (inside.areas >= least * boxes.areas))


def _mirrored(xyxy: npt.NDArray[np.float32], width: int, height: int, column: int, row: int) -> npt.NDArray[np.float32]:
    """Boxes mirrored about the centres of the outermost pixels: of the first column at -1, of the last one at 1."""
    left, top, right, bottom = xyxy.T
    if column:
        edge = 1 if column < 0 else 2 * width - 1
        left, right = edge - right, edge - left
    if row:
        edge = 1 if row < 0 else 2 * height - 1
        top, bottom = edge - bottom, edge - top
    return np.stack([left, top, right, bottom], axis=1)
