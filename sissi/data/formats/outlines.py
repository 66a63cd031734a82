"""Outlines and masks of single cells, as annotation tools write them, and the upright boxes around them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from sissi.data.formats.rotated import Corners

CORNERS_OF_A_POLYGON = 3
"""Fewest of them that enclose anything."""
POINT = "point without the size of a cell (cell_size), dropped"
"""Kind of problem."""


def polygon_extent(points: Iterable[tuple[float, float]]) -> Corners | None:
    """Left, top, right, bottom around the corners of a polygon, in their unit; None for fewer than three corners."""
    corners = list(points)
    if len(corners) < CORNERS_OF_A_POLYGON:
        return None
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def ellipse_extent(centre: tuple[float, float], radii: tuple[float, float], degrees: float = 0.0) -> Corners:
    """Left, top, right, bottom around an ellipse that is turned around its centre, in px."""
    (x, y), (across, down) = centre, radii
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    half_width, half_height = math.hypot(across * cosine, down * sine), math.hypot(across * sine, down * cosine)
    return x - half_width, y - half_height, x + half_width, y + half_height


def point_extent(point: tuple[float, float], cell_size: float) -> Corners:
    """Left, top, right, bottom of a square around a point, with the side `cell_size`, in px."""
    (x, y), half = point, cell_size / 2
    return x - half, y - half, x + half, y + half


def pairs(numbers: Sequence[float]) -> list[tuple[float, float]]:
    """The points of a list x, y, x, y ..."""
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def union(extents: Sequence[Corners]) -> Corners | None:
    """The box around boxes; None for none."""
    if not extents:
        return None
    lefts, tops, rights, bottoms = zip(*extents, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def runs_extent(counts: Iterable[int], height: int) -> Corners | None:
    """The box of a mask of run lengths, first of background, down one column of pixels after the other, as in COCO.

    Args:
        counts: lengths of the runs, in px.
        height: of the image, in px.

    Returns:
        Left, top, right, bottom in px; None for a mask without a pixel.
    """
    found: list[Corners] = []
    end = 0
    for place, count in enumerate(counts):
        start, end = end, end + count
        if place % 2 and count:
            first, last = start // height, (end - 1) // height
            whole = last > first
            top, bottom = (0, height) if whole else (start % height, (end - 1) % height + 1)
            found.append((first, top, last + 1, bottom))
    return union(found)


def coco_counts(text: str) -> list[int]:
    """The run lengths of a mask that COCO's own tools have compressed: 5 bits a character, differences from the third.

    Raises:
        ValueError: the text ends within a number.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            if bits & 0x10:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    if shift:
        raise ValueError("the run lengths end within a number")
    return counts


def brush_extent(code: bytes, height: int, width: int) -> Corners | None:
    """The box of a mask that Label Studio's brush has painted: a bit stream of the bytes red, green, blue, opacity.

    Args:
        code: the numbers of `rle` as bytes.
        height, width: of the image that it was painted on, in px.

    Returns:
        Left, top, right, bottom in px; None for a mask without a pixel.

    Raises:
        ValueError: the code is cut off, or belongs to another size.
    """
    bits = _Bits(code)
    size = bits.take(32)
    if size != 4 * height * width:
        raise ValueError(f"it is of {size} bytes, the image of {4 * height * width}")
    word = bits.take(5) + 1
    lengths = [bits.take(4) + 1 for _ in range(4)]
    found: list[Corners] = []
    place = 0
    while place < size:
        repeated = bits.take(1)
        stop = min(place + 1 + bits.take(lengths[bits.take(2)]), size)
        step = stop - place if repeated else 1
        while place < stop:
            painted = bits.take(word)
            first, last = -(-(place - 3) // 4), (place + step - 1 - 3) // 4  # pixels whose opacity is among the bytes
            if painted and first <= last:
                found.append(_row_extent(first, last, width))
            place += step
    return union(found)


def _row_extent(first: int, last: int, width: int) -> Corners:
    """The box of the pixels from one to another, counted row by row."""
    whole = last // width > first // width
    left, right = (0, width) if whole else (first % width, last % width + 1)
    return left, first // width, right, last // width + 1


class _Bits:
    """A stream of bits, the highest of each byte first."""

    def __init__(self, code: bytes) -> None:
        self._text = "".join(f"{byte:08b}" for byte in code)
        self._place = 0

    def take(self, count: int) -> int:
        self._place += count
        if self._place > len(self._text):
            raise ValueError("its code is cut off")
        return int(self._text[self._place - count : self._place], 2)
