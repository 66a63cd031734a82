"""Setting cells into an image: most apart, some against each other, some cut by the border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, make_boxes

Mask = npt.NDArray[np.bool_]

_TRIES = 40
_CLUMPED = 0.2
"""Of the cells, those that lie against others or a little over them."""
_NEAR = 10.0
"""How far such a cell's centre lies from the other's pixels: standard deviation in px."""
_OVERLAP = 0.15
"""How much of such a cell may lie over others, as a fraction of its area; 0.01 for the rest."""
_OUTSIDE = 4.0
"""How far beyond the border a centre may lie, in px."""
_VISIBLE = 0.35
"""What must be seen of a cell that the border cuts, as a fraction of its area."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A cell that found its place.

    Attributes:
        index: of the cell in the sequence that was scattered.
        image: rows and columns of the image that its stamp covers.
        stamp: rows and columns of the stamp that lie in the image.
        mask: (H, W) bool, its pixels.
        visible: fraction of its pixels that lie in the image.
    """

    index: int
    image: tuple[slice, slice]
    stamp: tuple[slice, slice]
    mask: Mask
    visible: float


def scatter(
    rng: np.random.Generator, bodies: Sequence[Mask], shape: tuple[int, int], taken: Mask, scale: float = 1.0
) -> list[Placed]:
    """Places at random, in order; a cell that finds none in 40 tries is left out.

    Args:
        rng: of the places.
        bodies: (S, S) bool each, the pixels of a cell on its stamp.
        shape: height and width of the image.
        taken: (H, W) bool, pixels that are taken from the start.
        scale: of the distances between cells that lie close and beyond the border, against those of the demo.
    """
    placed: list[Placed] = []
    for index, body in enumerate(bodies):
        found = _find(rng, index, body, taken, scale)
        if found is not None:
            placed.append(found)
            taken = taken | found.mask
    return placed


def extents(masks: Sequence[Mask]) -> Boxes:
    """The tight boxes of masks (H, W) bool, none of them empty, in order."""
    boxes = []
    for mask in masks:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        boxes.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    return make_boxes(boxes)


def _find(rng: np.random.Generator, index: int, body: Mask, taken: Mask, scale: float) -> Placed | None:
    clumped = bool(rng.random() < _CLUMPED) and bool(taken.any())
    most = body.sum() * (_OVERLAP if clumped else 0.01)
    for _ in range(_TRIES):
        beyond = _OUTSIDE * scale
        centre = _beside(rng, taken, scale) if clumped else rng.uniform(-beyond, np.array(taken.shape) + beyond)
        corner = np.round(centre - len(body) / 2).astype(int)
        image, stamp = _overlap(corner, len(body), taken.shape)
        seen = body[stamp]
        visible = float(seen.sum() / body.sum())
        if visible >= _VISIBLE and (seen & taken[image]).sum() <= most:
            mask = np.zeros(taken.shape, np.bool_)
            mask[image] = seen
            return Placed(index, image, stamp, mask, visible)
    return None


def _beside(rng: np.random.Generator, taken: Mask, scale: float) -> npt.NDArray[np.float64]:
    """A centre, row and column, some px from a pixel that is taken, inside the image."""
    near = np.argwhere(taken)[rng.integers(taken.sum())] + rng.normal(0, _NEAR * scale, 2)
    centre: npt.NDArray[np.float64] = np.clip(near, 0, taken.shape)
    return centre


def _overlap(
    corner: npt.NDArray[np.int_], side: int, shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The part of an image that a stamp covers, its upper left corner at a row and column, and that part of the stamp.

    The corner may lie outside of the image.
    """
    low, high = np.maximum(corner, 0), np.minimum(corner + side, shape)
    image = (slice(low[0], high[0]), slice(low[1], high[1]))
    return image, (slice(low[0] - corner[0], high[0] - corner[0]), slice(low[1] - corner[1], high[1] - corner[1]))
