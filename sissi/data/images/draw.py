"""Boxes drawn on an image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes
from sissi.runtime.files import write_whole

Image = npt.NDArray[np.uint8]
ORANGE = (255, 140, 0)
BLUE = (0, 150, 255)
CLASS_COLOURS = (ORANGE, (86, 180, 233), (0, 158, 115), (204, 121, 167), (0, 114, 178), (213, 94, 0))
"""Colours of the boxes of classes 1, 2 and so on, then from the start: Okabe & Ito's, for colour-blind readers."""
SHARP = 480
"""Smaller pictures are enlarged to about this width, so that boxes of a few px are seen apart."""


def draw_boxes(
    image: Image,
    boxes: Boxes,
    colour: tuple[int, int, int] | None = None,
    cell_size: float | None = None,
    classes: Sequence[str] = (),
) -> Image:
    """A copy of the (H, W, 3) uint8 image with its boxes, enlarged by a whole factor if it is small.

    Args:
        image: shape (H, W, 3), uint8.
        boxes: in px of the image.
        colour: of their lines; None: that of each box's class.
        cell_size: side in px of the image of a square in the lower left corner: the size of a typical cell.
        classes: names of the classes; if there are several, they stand in the upper left corner in their colours.
    """
    factor = max(1, round(SHARP / image.shape[1]))
    canvas = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    corners = np.rint(boxes.xyxy * factor).astype(int).tolist()
    for (left, top, right, bottom), label in zip(corners, boxes.labels.tolist(), strict=True):
        drawn = colour or class_colour(label)
        cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), drawn, thickness=max(1, factor // 2))
    if len(classes) > 1:
        _draw_names(canvas, classes)
    if cell_size is not None:
        _draw_size(canvas, cell_size, factor)
    return np.asarray(canvas, np.uint8)


def class_colour(label: int) -> tuple[int, int, int]:
    """Colour (RGB) of a class by its number, from 1 on."""
    return CLASS_COLOURS[(label - 1) % len(CLASS_COLOURS)]


def _draw_names(canvas: Image, classes: Sequence[str]) -> None:
    """The names of the classes in their colours, on black, in the upper left corner."""
    font, left, height = cv2.FONT_HERSHEY_SIMPLEX, 4, 18
    for label, name in enumerate(classes, start=1):
        (width, _), _ = cv2.getTextSize(name, font, 0.45, 1)
        cv2.rectangle(canvas, (left - 4, 0), (left + width + 8, height), (0, 0, 0), thickness=-1)
        cv2.putText(
            canvas, name, (left, height - 5), font, 0.45, class_colour(label), thickness=1, lineType=cv2.LINE_AA
        )
        left += width + 12


def _draw_size(canvas: Image, cell_size: float, factor: int) -> None:
    """A square of the size of a typical cell in the lower left corner, and how many px of the file that is."""
    side, margin = round(cell_size * factor), 4
    left, bottom = margin, canvas.shape[0] - 1 - margin
    text, font = f"{cell_size:.0f} px", cv2.FONT_HERSHEY_SIMPLEX
    cv2.rectangle(canvas, (left, bottom - side), (left + side, bottom), BLUE, thickness=2)
    cv2.putText(canvas, text, (left + side + margin, bottom), font, 0.5, BLUE, thickness=1, lineType=cv2.LINE_AA)


def write_picture(picture: Image, path: Path) -> None:
    """Write a (H, W, 3) uint8 RGB picture as PNG; folders are made."""
    # not imwrite: it cannot write to every path that Python can
    write_whole(path, cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes())
