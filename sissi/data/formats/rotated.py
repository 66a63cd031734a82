"""Rotated rectangles, which annotation tools can draw, as the upright boxes around them."""

from __future__ import annotations

import math

Corners = tuple[float, float, float, float]


def upright_extent(corners: Corners, degrees: float, pivot: tuple[float, float]) -> Corners:
    """Left, top, right, bottom of a rectangle that is turned clockwise (as seen, y downwards) around a pivot, in px."""
    if not degrees:
        return corners
    left, top, right, bottom = corners
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    offsets = [(x - pivot[0], y - pivot[1]) for x in (left, right) for y in (top, bottom)]
    xs = [pivot[0] + x * cosine - y * sine for x, y in offsets]
    ys = [pivot[1] + x * sine + y * cosine for x, y in offsets]
    return min(xs), min(ys), max(xs), max(ys)
