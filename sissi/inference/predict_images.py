"""Boxes for many images: whole or in tiles, in batches of equally large pieces, an image at a time as they are done."""

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

Image = npt.NDArray[np.uint8]
DetectBatch = Callable[[Sequence[Image]], list[Boxes]]
"""Boxes for each of a batch of equally large (H, W, 3) uint8 images, in px of that image."""
MAX_SIZE_RATIO = 1.5
"""An image whose side differs from that of the training images by more than this factor differs much."""


@dataclass(frozen=True)
class InputScale:
    """At which size a detector sees images.

    Attributes:
        seen: height and width in px at which it saw the images of its training.
        tile: height and width in px of the part of an image file that it sees at that size; None: a whole image.
        only_unlike: whole images too, unless they differ much from a tile in size.
    """

    seen: tuple[int, int]
    tile: tuple[int, int] | None = None
    only_unlike: bool = False

    def tile_of(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the part that is seen at once of an image of this size, if the image is so large."""
        if self.tile is None or (self.only_unlike and not differs_in_scale((height, width), self.tile)):
            return height, width
        return self.tile


@dataclass(frozen=True, eq=False)
class Prediction:
    """What was found in an image.

    Attributes:
        height, width: of the image file, in px.
        boxes: in px of the image file.
    """

    height: int
    width: int
    boxes: Boxes


@dataclass(frozen=True, eq=False)
class _Piece:
    """A window of an image at the size that the detector sees; the last one of an image completes it."""

    name: str
    height: int
    width: int
    window: Window
    frame: Image
    last: bool


def differs_in_scale(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether one of two sides is longer or shorter by more than the factor `MAX_SIZE_RATIO`."""
    ratios = [one / another for one, another in zip(size, other, strict=True)]
    return max(ratios) > MAX_SIZE_RATIO or min(ratios) < 1 / MAX_SIZE_RATIO


def predict_images(
    images: Mapping[str, Path],
    find: DetectBatch,
    size: InputScale,
    batch: int,
    most_overlap: float,
    reading: ImageReading = FIRST,
) -> Iterator[tuple[str, Prediction | DataError]]:
    """What is found in each image, or why the image cannot be read, as soon as it is known.

    Args:
        images: path by name.
        find: the detector, plain or with test-time augmentation.
        size: at which the detector sees the images.
        batch: most pieces that `find` gets at once; pieces of different images share a batch.
        most_overlap: IoU above which boxes of two tiles are one cell.
        reading: planes and channels of the files that are the images.
    """
    unreadable: list[tuple[str, DataError]] = []
    parts: list[Boxes] = []
    for pieces in _batches(_pieces(images, reading, size, unreadable), batch):
        for piece, found in zip(pieces, find([piece.frame for piece in pieces]), strict=True):
            parts.append(piece.window.keep(_in_window(found, piece)))
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
    for name, path in images.items():
        try:
            image = read_image(path, reading)
        except DataError as error:
            unreadable.append((name, error))
            continue
        height, width = image.shape[:2]
        tile = size.tile_of(height, width)
        parts = windows(height, width, tile)
        for number, window in enumerate(parts, start=1):
            frame = _frame(window.cut(image), tile, size.seen)
            yield _Piece(name, height, width, window, frame, number == len(parts))


def _frame(part: Image, tile: tuple[int, int], seen: tuple[int, int]) -> Image:
    """A part of an image, resized by the factor that makes a whole tile as large as the detector saw its images."""
    height, width = (max(1, round(part.shape[side] * seen[side] / tile[side])) for side in (0, 1))
    return resize(part, height, width)


def _in_window(found: Boxes, piece: _Piece) -> Boxes:
    height, width = piece.frame.shape[:2]
    window = piece.window
    return scale(found, (window.right - window.left) / width, (window.bottom - window.top) / height)


def _batches(pieces: Iterable[_Piece], most: int) -> Iterator[list[_Piece]]:
    """Consecutive pieces of equal size."""
    batch: list[_Piece] = []
    for piece in pieces:
        if batch and (len(batch) == most or piece.frame.shape != batch[0].frame.shape):
            yield batch
            batch = []
        batch.append(piece)
    if batch:
        yield batch
