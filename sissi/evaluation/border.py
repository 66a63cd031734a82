"""Boxes at the border of the images, and how many there would be if labels were as complete there as inside.

Cells know nothing of the frame: those that it cuts are as dense as the others, in proportion to the places that a cell
of their size has there. So the labels inside say how many there should be at the border, whatever a detector finds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes

Array = npt.NDArray[np.float64]
EDGE = 2.0
"""Distance E in px from the edge of the image at which a box counts as a box at the border."""
VISIBLE = 0.3
"""Share of a cell's width and height that is inside of the frame at least, where a cell is labelled. Careful labels of
the demo, draas, T98G and nuclei then have 0.99 to 1.19 times the expected number at the border."""


def at_border(boxes: Boxes, height: float, width: float) -> npt.NDArray[np.bool_]:
    """Whether the edge of an image of this height and width may cut each box, shape (N,), bool."""
    left, top, right, bottom = boxes.xyxy.T
    at_edge = (left <= EDGE) | (top <= EDGE) | (right >= width - EDGE) | (bottom >= height - EDGE)
    return np.asarray(at_edge, np.bool_)


def border_counts(labels: Sequence[Boxes], height: float, width: float) -> tuple[Array, Array]:
    """Number of labels at the border of each image, and the number to be expected from its labels inside.

    A cell of width w and height h that lies inside has (W - w - 2 E)(H - h - 2 E) places for its corner. If a share v
    of each side must be visible, it has (W + w - 2 v w)(H + h - 2 v h) in all. So for each cell inside there are as
    many at the border as the latter has places more, over the former; E px at each edge count as the border.

    Args:
        labels: labels of each image, in px.
        height: height H of the images, in px.
        width: width W of the images, in px.

    Returns:
        Both numbers for each image, shape (images,).
    """
    found, expected = np.zeros(len(labels)), np.zeros(len(labels))
    for index, boxes in enumerate(labels):
        border = at_border(boxes, height, width)
        found[index] = np.count_nonzero(border)
        inside = boxes.take(~border)
        w, h = inside.widths.astype(np.float64), inside.heights.astype(np.float64)
        places = np.maximum(width - w - 2 * EDGE, 1) * np.maximum(height - h - 2 * EDGE, 1)
        every = (width + w - 2 * VISIBLE * w) * (height + h - 2 * VISIBLE * h)
        expected[index] = (every / places - 1).sum()
    return found, expected


def border_share(labels: Sequence[Boxes], height: float, width: float) -> float:
    """Share of labels at the border that are there of those to be expected, at most 1; 1 without labels inside."""
    found, expected = (counts.sum() for counts in border_counts(labels, height, width))
    return min(1.0, float(found / expected)) if expected > 0 else 1.0
