"""Random changes of training images and their boxes (4.1), by one of two libraries."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes
from sissi.config import Augmentation

Image = npt.NDArray[np.uint8]
Augment = Callable[[Image, Boxes, int], tuple[Image, Boxes]]
"""Function that changes an image (H, W, 3) uint8 and its boxes in px; what it does depends on these and a seed alone.

The image keeps its size. A box of which too little stays inside is dropped; see `Augmentation.min_visibility`. Threads
may call it at the same time.
"""


def augmentation(settings: Augmentation) -> Augment:
    """The augmentation of section 4.1, by the library that the settings name."""
    if settings.library == "torchvision":
        from sissi.data.augmentation.by_torchvision import TorchvisionAugmenter

        return TorchvisionAugmenter(settings)
    from sissi.data.augmentation.by_albumentations import AlbumentationsAugmenter

    return AlbumentationsAugmenter(settings)
