"""An image of a data set with its labels; the pixels stay on disk until they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sissi.boxes import EMPTY, Boxes
from sissi.config import ImageReading
from sissi.data.images.read import FIRST, RGB, read_image
from sissi.runtime.file_digests import content_digests

if TYPE_CHECKING:  # a model that is served reads images, and keeps nothing
    from sissi.runtime.cache import Cache


@dataclass(frozen=True, eq=False)
class Sample:
    """An image file with its labels.

    Attributes:
        name: unique within its data set; the path below the data set's image folder, with forward slashes.
        path: of the image file.
        height: in px, as the image is seen (after EXIF rotation).
        width: in px.
        boxes: labels in pixels of the file, clipped to [0, width] x [0, height], none degenerate.
        category: folder of the CellLab layout (alive, inhib or dead), or None.
        content: `content_of` its pixels, equal for equal images whatever their files; "" if it was not decoded.
        reading: planes and channels of the file that are the image.
        corrected: whether a person corrected the labels, so that they stay as they are.
        ignored: regions that a person marked as not annotated, in pixels of the file.
    """

    name: str
    path: Path
    height: int
    width: int
    boxes: Boxes
    category: str | None = None
    content: str = ""
    reading: ImageReading = FIRST
    corrected: bool = False
    ignored: Boxes = EMPTY

    def read(self) -> RGB:
        """The image, see `read_image`."""
        return read_image(self.path, self.reading)


def content_of(pixels: npt.NDArray[np.uint8]) -> str:
    """The digest of a decoded image, (H, W, 3) in C order: 32 hexadecimal digits."""
    height, width, _ = pixels.shape
    return hashlib.blake2b(pixels.data, digest_size=16, key=f"{height} x {width}".encode()).hexdigest()


def digest(samples: Sequence[Sample], cache: Cache | None = None) -> str:
    """The sha256 over names, content of the image files, how they are read, boxes, ignore regions, and corrections.

    It is equal wherever the files lie, in whatever order.

    Args:
        samples: of a data set.
        cache: keeps the digests of the image files, so that only changed ones are read again; None: all are read.
    """
    total = hashlib.sha256()
    ordered = sorted(samples, key=lambda sample: sample.name)
    contents = content_digests([sample.path for sample in ordered], cache)
    for sample, content in zip(ordered, contents, strict=True):
        boxes = sample.boxes
        arrays = (boxes.xyxy.astype("<f4"), boxes.scores.astype("<f4"), boxes.labels.astype("<i8"))
        read = [] if sample.reading == FIRST else [sample.reading.model_dump_json().encode()]
        corrected = [b"corrected"] if sample.corrected else []
        ignored = [sample.ignored.xyxy.astype("<f4").tobytes()] if len(sample.ignored) else []
        for part in (
            sample.name.encode(),
            content,
            *(array.tobytes() for array in arrays),
            *read,
            *corrected,
            *ignored,
        ):
            total.update(len(part).to_bytes(8, "little") + part)
    return total.hexdigest()
