"""Pictures of labels: an image each, and a sheet of some of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sissi.boxes import scale
from sissi.data.formats.writing import label_files
from sissi.data.images.draw import draw_boxes
from sissi.data.sample import Sample

MOST = 24
"""Images that are drawn, evenly spread over all."""
ON_SHEET = 6
COLUMNS = 3
WIDTH = 420
"""Of an image on the sheet, in px."""
GAP = 6
QUALITY = 85

Picture = npt.NDArray[np.uint8]


def draw_pictures(samples: Sequence[Sample], folder: Path, sheet: Path) -> int:
    """A JPEG of each of some images with their labels in a folder, and a sheet with a few of them side by side.

    Returns:
        How many images were drawn into the folder.
    """
    chosen = _spread(samples, MOST)
    for sample, file in zip(chosen, label_files(chosen, folder, ".jpg"), strict=True):
        _write(draw_boxes(sample.read(), sample.boxes), file)
    _write(_sheet([_small(sample) for sample in _spread(samples, ON_SHEET)]), sheet)
    return len(chosen)


def _spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    indices = np.unique(np.linspace(0, len(samples) - 1, count).round().astype(int))
    return [samples[index] for index in indices]


def _small(sample: Sample) -> Picture:
    """The image at the width of the sheet, with its labels."""
    factor = WIDTH / sample.width
    size = (WIDTH, max(1, round(sample.height * factor)))
    shown = cv2.resize(sample.read(), size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    return draw_boxes(np.asarray(shown, np.uint8), scale(sample.boxes, factor, size[1] / sample.height))


def _sheet(pictures: Sequence[Picture]) -> Picture:
    """Pictures of the same width in rows, white between them."""
    height = max(len(picture) for picture in pictures)
    columns = min(COLUMNS, len(pictures))
    rows = ceil(len(pictures) / columns)
    sheet = np.full((rows * (height + GAP) - GAP, columns * (WIDTH + GAP) - GAP, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * (height + GAP), index % columns * (WIDTH + GAP)
        sheet[top : top + len(picture), left : left + WIDTH] = picture
    return sheet


def _write(picture: Picture, file: Path) -> None:
    rgb = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    file.write_bytes(cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes())
