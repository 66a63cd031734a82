"""Digests of the images of an experiment at the start of a second command, against those of the first."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from benchmarks.commands import fresh
from benchmarks.row import Row, compare
from benchmarks.subjects import crowded
from sissi.data.sample import Sample, digest
from sissi.runtime.cache import Cache

IMAGES, SIZE = 20_000, 300_000
"""A PNG of 640 x 480 px by phase contrast has such a size, in bytes."""
CELLS = 20


def measure() -> list[Row]:
    """The files lie in the memory of the system, so the first command is as quick as it can be."""
    folder = fresh("digests")
    samples, cache = _samples(folder / "images"), Cache(folder / "cache")
    return [
        compare(
            lambda: digest(samples, cache),
            lambda: digest(samples),
            repeats=3,
            what=f"digests of {IMAGES:,} images at the start of a second command, with {CELLS} boxes each",
            against=f"of the first, which reads files of {SIZE // 1000} KB",
            goal=0.1,
            limited_by="asking the system for size and time of each file, and the digests of the boxes",
        )
    ]


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
