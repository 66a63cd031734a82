"""Images of an experiment at the start of a second command, against the first: their digests, and decoding them."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np

from benchmarks.commands import fresh
from benchmarks.row import Row, compare
from benchmarks.subjects import crowded
from sissi.data.find import decode_all
from sissi.data.problems import Problems
from sissi.data.sample import Sample, digest
from sissi.runtime import file_digests
from sissi.runtime.cache import Cache

IMAGES, SIZE = 20_000, 300_000
"""A PNG of 640 x 480 px by phase contrast has such a size, in bytes."""
CELLS, DECODED = 20, 1000


def measure() -> list[Row]:
    """The files lie in the memory of the system, so the first command is as quick as it can be."""
    folder = fresh("digests")
    with patch.object(file_digests, "SETTLED", 0):  # the files are new, and what had just been changed is not kept
        return [_digests(folder), _decoding(folder)]


def _digests(folder: Path) -> Row:
    samples, cache = _samples(folder / "images"), Cache(folder / "cache")
    return compare(
        lambda: digest(samples, cache),
        lambda: digest(samples),
        repeats=3,
        what=f"digests of {IMAGES:,} images at the start of a second command, with {CELLS} boxes each",
        against=f"of the first, which reads files of {SIZE // 1000} KB",
        goal=0.1,
        limited_by="asking the system for size and time of each file, and the digests of the boxes",
    )


def _decoding(folder: Path) -> Row:
    images, cache = _images(folder / "decoded"), Cache(folder / "cache")
    return compare(
        lambda: decode_all(images, "images", Problems(), cache=cache),
        lambda: decode_all(images, "images", Problems()),
        repeats=3,
        what=f"images of an experiment at the start of a second command, {DECODED:,} PNG of 640 x 480 px",
        against="of the first, which decodes them",
        goal=0.1,
        limited_by="the header of each file, which is read for planes and channels that are left out",
    )


def _images(folder: Path) -> dict[str, Path]:
    """Names of one file."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    files = {f"{number:05d}.png": folder / f"{number:05d}.png" for number in range(DECODED)}
    first, *others = files.values()
    cv2.imwrite(str(first), cv2.GaussianBlur(noise, (0, 0), 2))
    for file in others:
        os.link(first, file)
    return files


def _samples(folder: Path) -> list[Sample]:
    """Names of one file, whose content does not matter: digests are of bytes, and nothing is decoded."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    files = [folder / f"{number:05d}.png" for number in range(IMAGES)]
    files[0].write_bytes(random.bytes(SIZE))
    for file in files[1:]:
        os.link(files[0], file)
    boxes = crowded(random, CELLS)
    return [Sample(file.name, file, 480, 640, boxes) for file in files]
