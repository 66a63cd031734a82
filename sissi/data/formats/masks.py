"""Masks of cells of which only the boxes are known: an ellipse in each box."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes


def draw_masks(boxes: Boxes, height: int, width: int) -> npt.NDArray[np.integer[Any]]:
    """A number for each pixel: that of its cell, from 1 in the order of the boxes, or 0 for the background.

    Corners are rounded to whole pixels, and a box has at least one. Of two ellipses that overlap the smaller lies on
    top; yet each cell keeps a pixel on each side of its box, so that its box can be read off the mask.

    Args:
        boxes: in px of the image.
        height: of the image, in px.
        width: of the image, in px.

    Returns:
        (height, width) uint16, or uint32 for more than 65,535 boxes.
    """
    cells = np.zeros((height, width), np.uint16 if len(boxes) <= np.iinfo(np.uint16).max else np.uint32)
    spans = _spans(boxes, height, width)
    largest_first = np.argsort(-boxes.areas, kind="stable")
    for index in largest_first:
        left, top, right, bottom = spans[index]
        cells[top:bottom, left:right][ellipse(bottom - top, right - left)] = index + 1
    taken = np.zeros(cells.shape, np.bool_)
    for index in largest_first[::-1]:
        _keep_sides(cells, taken, spans[index], index + 1)
    return cells


def ellipse(height: int, width: int) -> npt.NDArray[np.bool_]:
    """(height, width) bool: the ellipse that fills it, with its two axes, so that it touches all four sides."""
    y, x = ((2 * np.arange(side) + 1 - side) / side for side in (height, width))
    inside: npt.NDArray[np.bool_] = y[:, None] ** 2 + x[None, :] ** 2 <= 1
    inside[height // 2, :] = inside[:, width // 2] = True
    return inside


def _spans(boxes: Boxes, height: int, width: int) -> list[list[int]]:
    """Left, top, right, bottom of each box in whole pixels, inside the image, at least one wide and high."""
    corners = np.clip(np.rint(boxes.xyxy), 0, [width, height, width, height]).astype(int)
    first = np.minimum(corners[:, :2], [width - 1, height - 1])
    spans: list[list[int]] = np.concatenate([first, np.maximum(corners[:, 2:], first + 1)], axis=1).tolist()
    return spans


def _keep_sides(
    cells: npt.NDArray[np.integer[Any]], taken: npt.NDArray[np.bool_], span: list[int], number: int
) -> None:
    """Give a cell the pixel nearest to the middle of each side of its box that no other cell has for this."""
    left, top, right, bottom = span
    rows, columns = _middle_out(top, bottom), _middle_out(left, right)
    for ys, xs in (([top], columns), ([bottom - 1], columns), (rows, [left]), (rows, [right - 1])):
        free = next(((y, x) for y in ys for x in xs if not taken[y, x]), None)
        if free is not None:
            taken[free], cells[free] = True, number


def _middle_out(start: int, stop: int) -> list[int]:
    return sorted(range(start, stop), key=lambda place: abs(2 * place + 1 - start - stop))
