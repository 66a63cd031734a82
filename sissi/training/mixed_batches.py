"""Mixed batches: half target images with noisy labels, half source images with clean ones (3.2; Ros et al. 2016)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sissi.boxes import Boxes
from sissi.config import Training
from sissi.data.augmentation import Augmenter
from sissi.data.resized import ResizedDataset
from sissi.detector.ignore_regions import IGNORE
from sissi.runtime.prefetch import read_ahead
from sissi.runtime.randomness import generator, seed_of

Target = dict[str, Tensor]
"""`boxes`: (N, 4) float32 in px; `labels`: (N,) int64: what torchvision's detectors take.
Where there are doubtful cells also `doubtful`: (M, 4) float32 in px, which `ignoring` is about."""


@dataclass(frozen=True)
class SampleSpec:
    """One image of a batch: everything that decides what it looks like."""

    domain: str
    index: int
    seed: int


@dataclass(frozen=True)
class Batch:
    """Images and labels of one iteration.

    Attributes:
        images: each (3, H, W) uint8; target images first, then source images.
        targets: of each image.
    """

    images: list[Tensor]
    targets: list[Target]


class MixedBatches:
    """The training images of both domains, augmented, looked up by `SampleSpec`.

    Attributes:
        iterations: batches in an epoch.
    """

    def __init__(
        self, target: ResizedDataset, source: ResizedDataset, settings: Training, images: int | None = None
    ) -> None:
        """Take the images of both domains.

        Args:
            target: drawn from in shuffled passes.
            source: likewise.
            settings: of the training.
            images: how many target images make an epoch; None: all, so that an epoch is one pass over them.
        """
        self.domains = {"target": target, "source": source}
        self.settings = settings
        self.augment = Augmenter(settings.augmentation)
        self.iterations = -(-(len(target) if images is None else images) // settings.target_batch)

    def __getitem__(self, draw: SampleSpec) -> tuple[Tensor, Target]:
        dataset = self.domains[draw.domain]
        image, boxes = self.augment(dataset.read(draw.index), dataset.boxes[draw.index], draw.seed)
        return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))), as_target(boxes)

    def plan(self, seed: int, epoch: int) -> list[list[SampleSpec]]:
        """The batches of an epoch: shuffled passes over the target images, with source images beside them.

        Every batch is full, target and source in the same ratio: the last pass ends where the epoch does.
        The order depends on seed and epoch alone, so it is the same for every variant and every number of workers.
        """
        in_batch = {"target": self.settings.target_batch, "source": self.settings.source_batch}
        draws = {
            domain: _passes(len(dataset), self.iterations * in_batch[domain], domain, seed, epoch)
            for domain, dataset in self.domains.items()
        }
        return [
            [next(draws[domain]) for domain in self.domains for _ in range(in_batch[domain])]
            for _ in range(self.iterations)
        ]

    def epoch(self, seed: int, epoch: int, workers: int = 0, *, pinned: bool = False) -> Iterator[Batch]:
        """The batches of an epoch, read ahead by this many threads (0: none); pinned: in memory that a GPU reads."""

        def load(draw: SampleSpec) -> tuple[Tensor, Target]:
            image, target = self[draw]
            return (image.pin_memory() if pinned else image), target

        for pairs in read_ahead(load, self.plan(seed, epoch), workers):
            images, targets = zip(*pairs, strict=True)
            yield Batch(list(images), list(targets))

    def batch(self, seed: int, epoch: int, index: int) -> Batch:
        """One batch of an epoch, counted from 0, exactly as `epoch` gives it."""
        images, targets = zip(*(self[draw] for draw in self.plan(seed, epoch)[index]), strict=True)
        return Batch(list(images), list(targets))


def as_target(boxes: Boxes) -> Target:
    """The boxes of an image as torchvision's detectors take them."""
    cells, ignored = boxes.labels != IGNORE, boxes.labels == IGNORE
    target = {"boxes": torch.from_numpy(boxes.xyxy[cells]), "labels": torch.from_numpy(boxes.labels[cells])}
    return target | ({"ignored": torch.from_numpy(boxes.xyxy[ignored])} if ignored.any() else {})


def _passes(images: int, draws: int, domain: str, seed: int, epoch: int) -> Iterator[SampleSpec]:
    """Draws from shuffled passes over a domain, without repeats inside a pass."""
    random = generator(seed, "order", domain, epoch)
    order = np.concatenate([random.permutation(images) for _ in range(-(-draws // images))])[:draws]
    for position, index in enumerate(order):
        yield SampleSpec(domain, int(index), seed_of(seed, "augmentation", domain, epoch, position))
