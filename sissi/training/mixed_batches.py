"""Mixed batches: target images with noisy labels, source images with clean labels (3.2; Ros et al. 2016), and corrected
target images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sissi.boxes import IGNORE, Boxes, split_ignore_regions
from sissi.config import Training
from sissi.config.correction import BoxLoss
from sissi.config.training import Background
from sissi.data.augmentation import augmentation
from sissi.data.resized import ResizedDataset
from sissi.detector.presets import Target
from sissi.evaluation.border import border_share
from sissi.runtime.prefetch import read_ahead
from sissi.runtime.randomness import generator, seed_of


@dataclass(frozen=True)
class SampleSpec:
    """Everything that determines one augmented image of a batch.

    Attributes:
        domain: target, corrected or source.
        index: index of the image in its domain.
        seed: seed of the augmentation.
    """

    domain: str
    index: int
    seed: int


@dataclass(frozen=True)
class Batch:
    """Images and labels of one iteration.

    Attributes:
        images: images, shape (3, H, W) each, uint8; target images first, then corrected ones, then source images.
        targets: target of each image.
    """

    images: list[Tensor]
    targets: list[Target]


class MixedBatches:
    """Augmented training images of both domains, indexed by `SampleSpec`.

    Attributes:
        domains: data set of each domain.
        settings: settings of the training.
        augment: augmentation of an image and its boxes.
        iterations: number of batches in an epoch.
    """

    def __init__(
        self,
        target: ResizedDataset,
        source: ResizedDataset,
        settings: Training,
        images: int | None = None,
        box_loss: BoxLoss = "all",
    ) -> None:
        """Store the data sets of both domains; both are drawn from in shuffled passes.

        Args:
            target: target training images; those that are corrected are a further domain, too.
            source: source training images.
            settings: settings of the training.
            images: number of target images per epoch; None: all, so that an epoch is one pass over them.
            box_loss: labels of the target images that count in the loss of the boxes.
        """
        self.box_loss = box_loss
        corrected = {"corrected": target.take(target.corrected)} if target.corrected else {}
        self.domains = {"target": target, **corrected, "source": source}
        self.settings = settings
        self.augment = augmentation(settings.augmentation)
        self.background = background_of(target, settings.background)
        self.iterations = -(-(len(target) if images is None else images) // settings.target_batch)

    def __getitem__(self, draw: SampleSpec) -> tuple[Tensor, Target]:
        dataset = self.domains[draw.domain]
        image, boxes = self.augment(dataset.read(draw.index), dataset.training_boxes(draw.index), draw.seed)
        weak = draw.domain == "target" and draw.index not in dataset.corrected
        target = as_target(boxes, self.box_loss if weak else "all")
        if weak and self.background is not None:
            target["background"] = self.background
        return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))), target

    def plan(self, seed: int, epoch: int) -> list[list[SampleSpec]]:
        """Samples of each batch of an epoch, from shuffled passes over the images of each domain.

        Every batch has full size, with the same ratio of target and source images; the last pass ends with the epoch.
        The order depends only on seed and epoch, so it is the same for every variant and every number of workers.

        Args:
            seed: experiment seed.
            epoch: number of the epoch, from 1 on.
        """
        settings = self.settings
        in_batch = {
            "target": settings.target_batch,
            "corrected": settings.corrected_batch,
            "source": settings.source_batch,
        }
        draws = {
            domain: _passes(len(dataset), self.iterations * in_batch[domain], domain, seed, epoch)
            for domain, dataset in self.domains.items()
        }
        return [
            [next(draws[domain]) for domain in self.domains for _ in range(in_batch[domain])]
            for _ in range(self.iterations)
        ]

    def epoch(self, seed: int, epoch: int, workers: int = 0, *, pinned: bool = False) -> Iterator[Batch]:
        """Batches of an epoch.

        Args:
            seed: experiment seed.
            epoch: number of the epoch, from 1 on.
            workers: number of threads that load ahead; 0: none.
            pinned: whether images are in pinned memory, from which a GPU copies faster.
        """

        def load(draw: SampleSpec) -> tuple[Tensor, Target]:
            image, target = self[draw]
            return (image.pin_memory() if pinned else image), target

        for pairs in read_ahead(load, self.plan(seed, epoch), workers):
            images, targets = zip(*pairs, strict=True)
            yield Batch(list(images), list(targets))

    def batch(self, seed: int, epoch: int, index: int) -> Batch:
        """One batch of an epoch, with `index` from 0 on, equal to that of `epoch`."""
        images, targets = zip(*(self[draw] for draw in self.plan(seed, epoch)[index]), strict=True)
        return Batch(list(images), list(targets))


def background_of(target: ResizedDataset, settings: Background) -> Tensor | None:
    """What `sissi.detector.background` takes, for images with weak labels; None: all of the background counts fully."""
    if settings == Background():
        return None
    border = settings.border
    if border == "labels":
        border = border_share([split_ignore_regions(boxes)[0] for boxes in target.boxes], target.height, target.width)
    return torch.tensor([border, settings.far, settings.confident, settings.soft, settings.completeness])


def as_target(boxes: Boxes, box_loss: BoxLoss = "all") -> Target:
    """Convert the boxes of an image to a target for a detector.

    Args:
        boxes: labels and ignore regions.
        box_loss: labels that count in the loss of the boxes: all of them, those of score 1, which no detector found
            ("initial"), or none ("corrected", for an image that nobody corrected).
    """
    cells, ignored = boxes.labels != IGNORE, boxes.labels == IGNORE
    target = {"boxes": torch.from_numpy(boxes.xyxy[cells]), "labels": torch.from_numpy(boxes.labels[cells])}
    if box_loss != "all":
        counts = (boxes.scores[cells] == 1) & (box_loss == "initial")
        target["box_weights"] = torch.from_numpy(counts.astype(np.float32))
    return target | ({"ignored": torch.from_numpy(boxes.xyxy[ignored])} if ignored.any() else {})


def _passes(images: int, draws: int, domain: str, seed: int, epoch: int) -> Iterator[SampleSpec]:
    """Samples from shuffled passes over a domain, without repetition inside a pass."""
    random = generator(seed, "order", domain, epoch)
    order = np.concatenate([random.permutation(images) for _ in range(-(-draws // images))])[:draws]
    for position, index in enumerate(order):
        yield SampleSpec(domain, int(index), seed_of(seed, "augmentation", domain, epoch, position))
