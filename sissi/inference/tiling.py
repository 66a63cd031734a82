"""Tiling: overlapping windows of a large image, and the merging of their boxes with each cell once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torchvision.ops import nms

from sissi.boxes import Boxes, clip, concatenate, drop_degenerate, make_boxes

OVERLAP = 0.25
"""Smallest overlap of neighbouring tiles, as a fraction of the side of a tile."""
SHARED = 0.125
"""Fraction of the overlap, on each side of its middle, in which both tiles are responsible for a cell, since the
predicted centres of a cell differ slightly between tiles."""
LARGEST_CELL = OVERLAP * (1 - 2 * SHARED)
"""Largest side of a cell, as a fraction of the side of a tile, that lies completely in each responsible tile."""


@dataclass(frozen=True)
class Window:
    """Part of an image, in px of the image.

    Attributes:
        left, top, right, bottom: sides of the window, in whole px, inside the image.
        core: left, top, right and bottom of the region in which the window is responsible for the cells whose centres
            lie there; infinite at the sides of the image.
    """

    left: int
    top: int
    right: int
    bottom: int
    core: tuple[float, float, float, float]

    def cut(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Pixels of the window in an image (H, W, 3) uint8, without a copy."""
        return image[self.top : self.bottom, self.left : self.right]

    def keep(self, boxes: Boxes) -> Boxes:
        """Boxes for which the window is responsible, converted from px of the window to px of the image."""
        corner = np.array([self.left, self.top] * 2, np.float32)
        moved = make_boxes(boxes.xyxy + corner, boxes.scores, boxes.labels)
        x, y = (moved.xyxy[:, :2] + moved.xyxy[:, 2:]).T / 2
        left, top, right, bottom = self.core
        return moved.take((x >= left) & (x < right) & (y >= top) & (y < bottom))


def windows(height: int, width: int, tile: tuple[int, int]) -> list[Window]:
    """Windows of equal size that cover an image evenly, row by row.

    Args:
        height: height of the image, in px.
        width: width of the image, in px.
        tile: height and width of a window, in px; for a smaller image, the window has the size of the image.
    """
    return [
        Window(left, top, right, bottom, (core_left, core_top, core_right, core_bottom))
        for top, bottom, core_top, core_bottom in _spans(height, tile[0])
        for left, right, core_left, core_right in _spans(width, tile[1])
    ]


def merge(parts: Sequence[Boxes], height: int, width: int, most_overlap: float) -> Boxes:
    """Merge the boxes of all windows of an image.

    Args:
        parts: boxes of each window, from `Window.keep`.
        height: height of the image, in px.
        width: width of the image, in px.
        most_overlap: IoU above which the box with the lower score is removed.
    """
    boxes = drop_degenerate(clip(concatenate(parts), width, height))
    if len(parts) == 1:
        return boxes
    kept = nms(torch.tensor(boxes.xyxy), torch.tensor(boxes.scores), most_overlap)
    return boxes.take(kept.numpy())


def _spans(length: int, tile: int) -> list[tuple[int, int, float, float]]:
    """Start and end of each window along one side of an image, and start and end of its core."""
    tile = min(tile, length)
    shared = math.ceil(tile * OVERLAP)
    count = 1 + math.ceil((length - tile) / max(1, tile - shared))
    starts = np.rint(np.linspace(0, length - tile, count)).astype(int).tolist()
    middles = [(after + before + tile) / 2 for before, after in pairwise(starts)]
    margin = shared * SHARED
    begins = [-math.inf, *(middle - margin for middle in middles)]
    ends = [*(middle + margin for middle in middles), math.inf]
    return [(start, start + tile, begin, end) for start, begin, end in zip(starts, begins, ends, strict=True)]
