"""How well settings label the corrected images, counted once for each pair of settings and image, and kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import get_args

from sissi.boxes import Boxes, match
from sissi.config import WeakLabels
from sissi.data.find import THREADS
from sissi.data.sample import Sample
from sissi.data.weak_labelling import label_image
from sissi.names import PipelineName
from sissi.runtime.journal import Journal

SAME_CELL = 0.5
"""Lowest IoU of a label and its true box."""


@dataclass(frozen=True)
class Counts:
    """Comparison of the labels of some images with their true boxes.

    Attributes:
        hits: number of labels that match a true box of their own.
        labels: number of labels.
        cells: number of true boxes.
    """

    hits: int
    labels: int
    cells: int

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 without labels and true boxes."""
        both = self.labels + self.cells
        return 2 * self.hits / both if both else 1.0

    @property
    def precision(self) -> float:
        """Share of the labels that are right; NaN without labels."""
        return self.hits / self.labels if self.labels else float("nan")

    @property
    def recall(self) -> float:
        """Share of the cells that are found; NaN without cells."""
        return self.hits / self.cells if self.cells else float("nan")


def total(many: Iterable[Counts]) -> Counts:
    """Counts of all images together."""
    every = list(many)
    return Counts(*(sum(getattr(one, name) for one in every) for name in ("hits", "labels", "cells")))


def compare(labels: Boxes, truth: Boxes) -> Counts:
    """Compare the labels of an image with its true boxes."""
    return Counts(int((match(labels, truth, SAME_CELL) >= 0).sum()), len(labels), len(truth))


class Scorer:
    """Counts of settings on the corrected images, which are decoded once.

    Attributes:
        samples: corrected images; their boxes are the truth.
    """

    def __init__(self, samples: Sequence[Sample], journal: Journal) -> None:
        """Read the counts so far.

        Args:
            samples: corrected images; their boxes are the truth.
            journal: counts of earlier commands, to which new ones are appended.
        """
        self.samples = samples
        self._images = [sample.read() for sample in samples]
        self._journal = journal
        self._known = {(key, image): Counts(*counts) for key, (image, *counts) in journal.raw()}

    def counts(self, settings: WeakLabels, which: Sequence[int]) -> list[Counts]:
        """Counts of some images, by their indices.

        Args:
            settings: settings with every size that their pipeline uses.
            which: indices of the images.
        """
        key = _digest(settings)
        missing = [index for index in which if (key, index) not in self._known]
        with ThreadPoolExecutor(THREADS) as pool:
            for index, found in zip(missing, pool.map(lambda one: self._compare(one, settings), missing), strict=True):
                self._remember(key, index, found)
        return [self._known[key, index] for index in which]

    def _compare(self, index: int, settings: WeakLabels) -> Counts:
        sample = self.samples[index]
        return compare(label_image(sample, self._images[index], settings).sample.boxes, sample.boxes)

    def _remember(self, key: str, index: int, found: Counts) -> None:
        self._journal.add(json.dumps([key, [index, found.hits, found.labels, found.cells]]).encode())
        self._known[key, index] = found


def _digest(settings: WeakLabels) -> str:
    """Digest of the settings that the pipeline uses; of all of them where each image has its own pipeline."""
    single = settings.pipeline in get_args(PipelineName)
    used = settings.model_dump(mode="json", include={"pipeline", "cell_size", settings.pipeline} if single else None)
    return hashlib.sha256(json.dumps(used, sort_keys=True).encode()).hexdigest()[:16]
