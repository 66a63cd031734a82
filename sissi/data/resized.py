"""Images at the size that the detector sees, with their labels; pixels are read when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, scale, with_ignore_regions
from sissi.config import ImageReading
from sissi.data.image_cache import ImageCache, image_cache_of, load_or_compute
from sissi.data.images.read import FIRST
from sissi.data.sample import Sample
from sissi.runtime.prefetch import read_ahead

if TYPE_CHECKING:  # a model that is served reads frames, and keeps none
    from sissi.runtime.cache import Cache

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ResizedDataset:
    """A data set as the detector sees it.

    Attributes:
        paths: of the image files, of any size.
        boxes: of each image, in px of its frame.
        height: of every frame, in px.
        width: of every frame, in px.
        image_cache: cache of the resized images, so that an image is decoded once; None: no cache.
        reading: planes and channels of the files that are the images.
        corrected: indices of the images whose labels a person corrected.
        ignored: regions of each image that nobody annotated, in px of its frame; empty: there are none in any image.
    """

    paths: tuple[Path, ...]
    boxes: tuple[Boxes, ...]
    height: int
    width: int
    image_cache: ImageCache | None = field(default=None, kw_only=True)
    reading: ImageReading = field(default=FIRST, kw_only=True)
    corrected: tuple[int, ...] = field(default=(), kw_only=True)
    ignored: tuple[Boxes, ...] = field(default=(), kw_only=True)

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> Image:
        """The (height, width, 3) uint8 RGB frame of an image."""
        return load_or_compute(
            self.paths[index], self.image_cache, lambda image: resize(image, self.height, self.width), self.reading
        )

    def training_boxes(self, index: int) -> Boxes:
        """The labels of an image, followed by its ignore regions."""
        boxes = self.boxes[index]
        return with_ignore_regions(boxes, self.ignored[index]) if self.ignored else boxes

    def batches(self, size: int, workers: int = 0) -> Iterator[list[Image]]:
        """All frames in order, so many at a time, read ahead by this many threads (0: none)."""
        starts = range(0, len(self), size)
        return read_ahead(self.read, ([*range(len(self))[start : start + size]] for start in starts), workers)

    def with_boxes(self, boxes: Sequence[Boxes]) -> Self:
        """The same images with other labels."""
        if len(boxes) != len(self.paths):
            raise ValueError(f"{len(boxes)} sets of boxes for {len(self.paths)} images")
        return replace(self, boxes=tuple(boxes))

    def take(self, indices: Sequence[int]) -> Self:
        """Some of the images, with their labels."""
        return replace(
            self,
            paths=tuple(self.paths[i] for i in indices),
            boxes=tuple(self.boxes[i] for i in indices),
            ignored=tuple(self.ignored[i] for i in indices) if self.ignored else (),
            corrected=tuple(position for position, index in enumerate(indices) if index in self.corrected),
        )


def resized_dataset(
    samples: Sequence[Sample], image_size: tuple[int, int], cache: Cache | None = None
) -> ResizedDataset:
    """The frames of samples: boxes scaled with their images, so that [0, W] stays [0, W'].

    Args:
        samples: images of one data set with their boxes, all read alike.
        image_size: height and width of every frame, in px.
        cache: keeps the frames; None: they are not kept.
    """
    height, width = image_size
    factors = [(width / sample.width, height / sample.height) for sample in samples]
    ignored = any(len(sample.ignored) for sample in samples)
    return ResizedDataset(
        tuple(sample.path for sample in samples),
        tuple(scale(sample.boxes, *factor) for sample, factor in zip(samples, factors, strict=True)),
        height,
        width,
        image_cache=image_cache_of(samples, cache.entry("resized", {"size": [height, width]}).folder)
        if cache
        else None,
        reading=samples[0].reading if samples else FIRST,
        ignored=tuple(scale(sample.ignored, *factor) for sample, factor in zip(samples, factors, strict=True))
        if ignored
        else (),
        corrected=tuple(index for index, sample in enumerate(samples) if sample.corrected),
    )


def in_file_pixels(boxes: Boxes, sample: Sample, image_size: tuple[int, int]) -> Boxes:
    """Boxes of a frame, in pixels of its image file."""
    height, width = image_size
    return scale(boxes, sample.width / width, sample.height / height)


def resize(image: Image, height: int, width: int) -> Image:
    """The image at another size: area average when it shrinks, bilinear when it grows, itself when it fits."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = height * width < image.shape[0] * image.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), np.uint8)
