"""Target images that are read in their synthetic-like version (3.5): cloned by whoever reads ahead of the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from sissi.config import Blur, SyntheticImages
from sissi.data.resized import Image, ResizedDataset
from sissi.detector.ignore_regions import without_ignore_regions
from sissi.method.synthetic_images import synthesise
from sissi.runtime.randomness import generator


@dataclass(frozen=True, eq=False)
class SyntheticDataset(ResizedDataset):
    """A data set of which all images or some are synthetic-like.

    Doubtful cells vanish in the blur, like all that has no label.

    Attributes:
        blur: of the background.
        settings: of the cloning.
        chosen: indices of the images that are synthetic-like; the others stay as they are.
    """

    blur: Blur
    settings: SyntheticImages
    chosen: frozenset[int]

    def read(self, index: int) -> Image:
        """The (height, width, 3) uint8 RGB frame of an image, in its version."""
        image = super().read(index)
        if index not in self.chosen:
            return image
        settings, cells = self.settings, without_ignore_regions(self.boxes[index])
        return synthesise(image, cells, self.blur, settings.margin, cloning=settings.cloning, shape=settings.shape)

    def take(self, indices: Sequence[int]) -> Self:
        """Some of the images, each in its version."""
        chosen = frozenset(place for place, index in enumerate(indices) if index in self.chosen)
        return replace(super().take(indices), chosen=chosen)


def synthetic_dataset(
    target: ResizedDataset, blur: Blur, settings: SyntheticImages, seed: int, epoch: int
) -> SyntheticDataset:
    """The images of an epoch, `config.share` of them synthetic-like, drawn anew every epoch."""
    chosen = generator(seed, "synthetic", epoch).permutation(len(target))[: round(settings.share * len(target))]
    return SyntheticDataset(**vars(target), blur=blur, settings=settings, chosen=frozenset(chosen.tolist()))
