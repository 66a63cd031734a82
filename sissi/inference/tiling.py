"""Tiles: a large image as windows that overlap, and the boxes of the windows as boxes of the image, each cell once."""

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
"""Part of a tile's side that it shares at least with the next tile."""
DOUBT = 0.125
"""Part of the overlap, on each side of its middle, in which both tiles answer for a cell: its centre is not found at
the very same place in both."""
LARGEST_CELL = OVERLAP * (1 - 2 * DOUBT)
"""Cells with sides up to this part of a tile's are seen whole by each tile that answers for them."""


@dataclass(frozen=True)
class Window:
    """A part of an image, in px of the image.

    Attributes:
        left, top, right, bottom: its sides; whole px inside the image.
        core: left, top, right, bottom of where it answers for the cells whose centres lie there; unbounded at the
            image's own sides.
    """

    left: int
    top: int
    right: int
    bottom: int
    core: tuple[float, float, float, float]

    def cut(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The pixels of the window of a (H, W, 3) uint8 image; a view of it."""
        return image[self.top : self.bottom, self.left : self.right]

    def keep(self, found: Boxes) -> Boxes:
        """Of boxes in px of the window those that it answers for, in px of the image."""
        corner = np.array([self.left, self.top] * 2, np.float32)
        moved = make_boxes(found.xyxy + corner, found.scores, found.labels)
        x, y = (moved.xyxy[:, :2] + moved.xyxy[:, 2:]).T / 2
        left, top, right, bottom = self.core
        return moved.take((x >= left) & (x < right) & (y >= top) & (y < bottom))


def windows(height: int, width: int, tile: tuple[int, int]) -> list[Window]:
    """Equally large windows that cover an image evenly, row by row; one where the image is no larger than a tile.

    Args:
        height: of the image, in px.
        width: of the image, in px.
        tile: height and width of a window, in px; where the image is smaller, the window is as small.
    """
    return [
        Window(left, top, right, bottom, (core_left, core_top, core_right, core_bottom))
        for top, bottom, core_top, core_bottom in _spans(height, tile[0])
        for left, right, core_left, core_right in _spans(width, tile[1])
    ]


def merge(parts: Sequence[Boxes], height: int, width: int, most_overlap: float) -> Boxes:
    """The boxes of an image from what its windows kept: of two that overlap by more than this IoU the surer stays."""
    boxes = drop_degenerate(clip(concatenate(parts), width, height))
    if len(parts) == 1:
        return boxes
    kept = nms(torch.tensor(boxes.xyxy), torch.tensor(boxes.scores), most_overlap)
    return boxes.take(kept.numpy())


def _spans(length: int, tile: int) -> list[tuple[int, int, float, float]]:
    """Start, end, and start and end of the core, of the windows along one side of an image."""
    tile = min(tile, length)
    shared = math.ceil(tile * OVERLAP)
    count = 1 + math.ceil((length - tile) / max(1, tile - shared))
    starts = np.rint(np.linspace(0, length - tile, count)).astype(int).tolist()
    middles = [(after + before + tile) / 2 for before, after in pairwise(starts)]
    doubt = shared * DOUBT
    begins = [-math.inf, *(middle - doubt for middle in middles)]
    ends = [*(middle + doubt for middle in middles), math.inf]
    return [(start, start + tile, begin, end) for start, begin, end in zip(starts, begins, ends, strict=True)]
