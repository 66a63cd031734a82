"""Data set of target images in their synthetic-like version (3.5), synthesised by the threads that load ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from sissi.boxes import split_ignore_regions
from sissi.config import Blur, SyntheticImages
from sissi.data.resized import Image, ResizedDataset
from sissi.method.synthetic_images import synthesise
from sissi.runtime.randomness import generator


@dataclass(frozen=True, eq=False)
class SyntheticDataset(ResizedDataset):
    """Data set in which all or some images are synthetic-like.

    Ignore regions vanish in the blur, like everything without a label.

    Attributes:
        blur: blur of the background.
        settings: settings of the cloning.
        chosen: indices of the synthetic-like images; the others stay unchanged.
    """

    blur: Blur
    settings: SyntheticImages
    chosen: frozenset[int]

    def read(self, index: int) -> Image:
        """Resized RGB image, original or synthetic-like, shape (height, width, 3), uint8."""
        image = super().read(index)
        if index not in self.chosen:
            return image
        settings, cells = self.settings, split_ignore_regions(self.boxes[index])[0]
        return synthesise(image, cells, self.blur, settings.margin, cloning=settings.cloning, shape=settings.shape)

    def take(self, indices: Sequence[int]) -> Self:
        """Data set of the images at these indices; each stays original or synthetic-like."""
        chosen = frozenset(position for position, index in enumerate(indices) if index in self.chosen)
        return replace(super().take(indices), chosen=chosen)


def synthetic_dataset(
    target: ResizedDataset, blur: Blur, settings: SyntheticImages, seed: int, epoch: int
) -> SyntheticDataset:
    """Images of an epoch, with a share `settings.share` of synthetic-like images, selected at random in every epoch.

    Corrected images stay unchanged: what has no label there is background.

    Args:
        target: target training images with their labels.
        blur: blur of the background.
        settings: settings of the cloning.
        seed: experiment seed.
        epoch: number of the epoch.
    """
    weak = np.setdiff1d(np.arange(len(target)), target.corrected)
    chosen = generator(seed, "synthetic", epoch).permutation(weak)[: round(settings.share * len(weak))]
    return SyntheticDataset(**vars(target), blur=blur, settings=settings, chosen=frozenset(chosen.tolist()))
