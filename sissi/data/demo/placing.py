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


def scatter(rng: np.random.Generator, bodies: Sequence[Mask], shape: tuple[int, int], taken: Mask) -> list[Placed]:
    """Places at random, in order; a cell that finds none in 40 tries is left out.

    Args:
        rng: of the places.
        bodies: (S, S) bool each, the pixels of a cell on its stamp.
        shape: height and width of the image.
        taken: (H, W) bool, pixels that are taken from the start.
    """
    placed: list[Placed] = []
    for index, body in enumerate(bodies):
        found = _find(rng, index, body, taken)
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


def _find(rng: np.random.Generator, index: int, body: Mask, taken: Mask) -> Placed | None:
    clumped = bool(rng.random() < _CLUMPED) and bool(taken.any())
    most = body.sum() * (_OVERLAP if clumped else 0.01)
    for _ in range(_TRIES):
        centre = _beside(rng, taken) if clumped else rng.uniform(-_OUTSIDE, np.array(taken.shape) + _OUTSIDE)
        placed = _place(index, body, np.round(centre - len(body) / 2).astype(int), taken.shape)
        if placed.visible >= _VISIBLE and (placed.mask & taken).sum() <= most:
            return placed
    return None


def _beside(rng: np.random.Generator, taken: Mask) -> npt.NDArray[np.float64]:
    """A centre, row and column, some px from a pixel that is taken, inside the image."""
    near = np.argwhere(taken)[rng.integers(taken.sum())] + rng.normal(0, _NEAR, 2)
    centre: npt.NDArray[np.float64] = np.clip(near, 0, taken.shape)
    return centre


def _place(index: int, body: Mask, corner: npt.NDArray[np.int_], shape: tuple[int, ...]) -> Placed:
    """A body with the upper left corner of its stamp at a row and column of the image, which may lie outside."""
    low, high = np.maximum(corner, 0), np.minimum(corner + len(body), shape)
    image = (slice(low[0], high[0]), slice(low[1], high[1]))
    stamp = (slice(low[0] - corner[0], high[0] - corner[0]), slice(low[1] - corner[1], high[1] - corner[1]))
    mask = np.zeros(shape, np.bool_)
    mask[image] = body[stamp]
    return Placed(index, image, stamp, mask, float(mask.sum() / body.sum()))
