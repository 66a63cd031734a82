"""Draw boxes on an image."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes

Image = npt.NDArray[np.uint8]
ORANGE = (255, 140, 0)
SHARP = 480
"""Smaller pictures are enlarged to about this width, so that boxes of a few px can be told apart."""


def draw_boxes(image: Image, boxes: Boxes, colour: tuple[int, int, int] = ORANGE) -> Image:
    """A copy of the (H, W, 3) uint8 image with its boxes, enlarged by a whole factor if it is small."""
    factor = max(1, round(SHARP / image.shape[1]))
    canvas = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    for left, top, right, bottom in np.rint(boxes.xyxy * factor).astype(int).tolist():
        cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), colour, thickness=max(1, factor // 2))
    return np.asarray(canvas, np.uint8)
