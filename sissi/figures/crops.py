"""Parts of an image around a box."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, make_boxes

Image = npt.NDArray[np.uint8]
AROUND = 1.5
"""Half of the side of a part, in longer sides of its box."""


def crop_around(image: Image, box: Boxes, drawn: Boxes) -> tuple[Image, Boxes]:
    """A square part of an image around the first box, black outside of the image, and boxes in px of the part.

    Args:
        image: RGB image, shape (H, W, 3), uint8.
        box: at least one box, in px of the image.
        drawn: boxes to be drawn on the part, in px of the image; they may lie outside of the part.
    """
    left, top, right, bottom = box.xyxy[0].tolist()
    half = AROUND * max(right - left, bottom - top)
    side = max(1, round(2 * half))
    around = np.pad(image, ((side, side), (side, side), (0, 0)))
    x0, y0 = round((left + right) / 2 - half), round((top + bottom) / 2 - half)
    part = around[side + y0 : 2 * side + y0, side + x0 : 2 * side + x0]
    return part, make_boxes(drawn.xyxy - np.array([x0, y0] * 2), drawn.scores, drawn.labels)
