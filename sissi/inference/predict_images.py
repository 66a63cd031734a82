"""Prediction of boxes for many images, whole or in tiles, in batches of pieces of equal size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, scale
from sissi.config import ImageReading
from sissi.data.images.read import FIRST, read_image
from sissi.data.resized import resize
from sissi.errors import DataError
from sissi.inference.tiling import Window, merge, windows
from sissi.runtime.prefetch import read_ahead

Image = npt.NDArray[np.uint8]
DetectBatch = Callable[[Sequence[Image]], list[Boxes]]
"""Function that predicts boxes for a batch of images of equal shape (H, W, 3), uint8, in px of these images."""
MAX_SIZE_RATIO = 1.5
"""Largest ratio of the sides of an image and of a training image that count as similar in size."""


@dataclass(frozen=True)
class InputScale:
    """Size of the input of a detector.

    Attributes:
        seen: height and width in px of the resized training images.
        tile: height and width in px of the part of an image file that is resized to that size; None: a whole image.
        only_unlike: whether images of a size similar to a tile are used as a whole.
    """

    seen: tuple[int, int]
    tile: tuple[int, int] | None = None
    only_unlike: bool = False

    def tile_of(self, height: int, width: int) -> tuple[int, int]:
        """Height and width in px of a tile of an image of this height and width; without tiles, of the whole image."""
        if self.tile is None or (self.only_unlike and not differs_in_scale((height, width), self.tile)):
            return height, width
        return self.tile


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predicted boxes of an image.

    Attributes:
        height, width: size of the image file, in px.
        boxes: boxes in px of the image file.
    """

    height: int
    width: int
    boxes: Boxes


@dataclass(frozen=True, eq=False)
class _Piece:
    """Window of an image, resized for the detector.

    Attributes:
        name: name of the image.
        height, width: size of the image file, in px.
        window: window in the image.
        resized: pixels of the window after the resize, shape (H, W, 3), uint8.
        last: whether it is the last piece of its image.
    """

    name: str
    height: int
    width: int
    window: Window
    resized: Image
    last: bool


def differs_in_scale(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether height or width of two sizes differ by more than the factor `MAX_SIZE_RATIO`."""
    ratios = [side / other_side for side, other_side in zip(size, other, strict=True)]
    return max(ratios) > MAX_SIZE_RATIO or min(ratios) < 1 / MAX_SIZE_RATIO


def predict_images(
    images: Mapping[str, Path],
    find: DetectBatch,
    size: InputScale,
    batch: int,
    most_overlap: float,
    reading: ImageReading = FIRST,
) -> Iterator[tuple[str, Prediction | DataError]]:
    """Predict boxes for images, one image after another; the next ones are read meanwhile.

    Args:
        images: path of each image by its name.
        find: function that predicts a batch, with or without test-time augmentation.
        size: size of the input of the detector.
        batch: largest number of pieces in a batch; pieces of different images share a batch.
        most_overlap: IoU above which boxes of two tiles count as one cell.
        reading: planes and channels of the files that are the images.

    Yields:
        Name of each image, and its prediction or reading error.
    """
    unreadable: list[tuple[str, DataError]] = []
    parts: list[Boxes] = []
    for pieces in _batches(_pieces(images, reading, size, unreadable), batch):
        for piece, detections in zip(pieces, find([piece.resized for piece in pieces]), strict=True):
            parts.append(piece.window.keep(_in_window(detections, piece)))
            if piece.last:
                boxes = merge(parts, piece.height, piece.width, most_overlap)
                yield piece.name, Prediction(piece.height, piece.width, boxes)
                parts = []
        yield from unreadable
        unreadable.clear()
    yield from unreadable


def _pieces(
    images: Mapping[str, Path], reading: ImageReading, size: InputScale, unreadable: list[tuple[str, DataError]]
) -> Iterator[_Piece]:

    def read(item: tuple[str, Path]) -> tuple[str, Image | DataError]:
        try:
            return item[0], read_image(item[1], reading)
        except DataError as error:
            return item[0], error

    for [(name, image)] in read_ahead(read, ([item] for item in images.items()), workers=1):
        if isinstance(image, DataError):
            unreadable.append((name, image))
            continue
        height, width = image.shape[:2]
        tile = size.tile_of(height, width)
        parts = windows(height, width, tile)
        for number, window in enumerate(parts, start=1):
            resized = _resized(window.cut(image), tile, size.seen)
            yield _Piece(name, height, width, window, resized, number == len(parts))


def _resized(part: Image, tile: tuple[int, int], seen: tuple[int, int]) -> Image:
    """Part of an image, resized by the factor from the size of a tile to that of the resized training images."""
    height, width = (max(1, round(part.shape[side] * seen[side] / tile[side])) for side in (0, 1))
    return resize(part, height, width)


def _in_window(detections: Boxes, piece: _Piece) -> Boxes:
    height, width = piece.resized.shape[:2]
    window = piece.window
    return scale(detections, (window.right - window.left) / width, (window.bottom - window.top) / height)


def _batches(pieces: Iterable[_Piece], most: int) -> Iterator[list[_Piece]]:
    """Batches of consecutive pieces of equal size, with at most `most` pieces."""
    batch: list[_Piece] = []
    for piece in pieces:
        if batch and (len(batch) == most or piece.resized.shape != batch[0].resized.shape):
            yield batch
            batch = []
        batch.append(piece)
    if batch:
        yield batch
