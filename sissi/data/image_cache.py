"""Results that the pixels of an image alone decide, kept in a file named by their content."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy.typing as npt

from sissi.config import ImageReading
from sissi.data.images.read import FIRST, RGB, read_image
from sissi.data.sample import Sample, content_of
from sissi.runtime.array_file import read_array, write_array
from sissi.runtime.files import is_full

Array = TypeVar("Array", bound=npt.NDArray[Any])


@dataclass(frozen=True)
class ImageCache:
    """The place of one sort of work on some images, such as their frames of one size.

    Attributes:
        folder: holds an array an image; it may be deleted at any time, which costs nothing but the work.
        contents: the `Sample.content` of each image file.
    """

    folder: Path
    contents: Mapping[Path, str]


def image_cache_of(samples: Sequence[Sample], folder: Path) -> ImageCache:
    """The place of work on samples, as far as they were decoded."""
    return ImageCache(folder, {sample.path: sample.content for sample in samples if sample.content})


def load_or_compute(
    image: Path, image_cache: ImageCache | None, work: Callable[[RGB], Array], reading: ImageReading = FIRST
) -> Array:
    """The result of a piece of work on an image file: found where it is kept, else computed and kept there.

    There is no waiting for others: files appear whole, and where there is none the work is done.

    Args:
        image: the file.
        image_cache: where results are stored; None, or without this image: nowhere.
        work: whose result nothing decides but the pixels and what names the folder.
        reading: planes and channels of the file that are the image.

    Raises:
        DataError: it is not kept, and the image cannot be read.
        SissiError: the disk is full.
    """
    content = image_cache.contents.get(image) if image_cache else None
    if image_cache is None or content is None:
        return work(read_image(image, reading))
    file = image_cache.folder / f"{content}.npy"
    found: Array | None = _found(file)
    if found is None:
        pixels = read_image(image, reading)
        found = work(pixels)
        if content_of(pixels) == content:  # else the file has changed since it was looked at
            _keep(file, found)
    return found


def _found(file: Path) -> Any:
    """The array in a file, which counts as used; None if there is none, or it is not whole."""
    try:
        os.utime(file.parent)
        return read_array(file)
    except (OSError, ValueError, EOFError):
        return None


def _keep(file: Path, array: npt.NDArray[Any]) -> None:
    """Write an array, unless that is impossible: such as where the folder is deleted in this very moment."""
    try:
        write_array(file, array)
    except OSError as error:
        if is_full(error):
            raise
