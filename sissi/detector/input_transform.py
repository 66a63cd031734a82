"""Input transform of torchvision's detectors: normalisation and batching, without a resize."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchvision.models.detection.transform import GeneralizedRCNNTransform

IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class KeepSize(GeneralizedRCNNTransform):  # type: ignore[misc]  # torchvision has no types
    """torchvision's input transform without its resize, which would undo the scales of test-time augmentation.

    Mean and standard deviation are buffers on the network's device. torchvision copies its own to the device for every
    image, and the CPU waits for each copy. The scaling of boxes back to the input size is omitted for the same reason:
    the size never changes.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(0, 0, IMAGENET_MEAN, IMAGENET_STD, **options)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(IMAGENET_STD)[:, None, None], persistent=False)

    def normalize(self, image: Tensor) -> Tensor:
        """Normalise an image (3, H, W) in [0, 1] by mean and standard deviation of ImageNet."""
        normal: Tensor = (image - self.mean) / self.deviation
        return normal

    def postprocess(self, result: list[dict[str, Tensor]], *sizes: object) -> list[dict[str, Tensor]]:
        """Return the boxes unchanged, since images are not resized."""
        return result

    def resize(self, image: Tensor, target: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor] | None]:
        """Return image and boxes unchanged."""
        return image, target


class ClassesFromZero(KeepSize):
    """The transform for one-stage detectors, which have no class for the background: class 1 is their class 0."""

    def forward(self, images: list[Tensor], targets: list[dict[str, Tensor]] | None = None) -> Any:
        """Batch of the images, and targets with classes from 0 on."""
        if targets is not None:
            targets = [{**target, "labels": target["labels"] - 1} for target in targets]
        return super().forward(images, targets)

    def postprocess(self, result: list[dict[str, Tensor]], *sizes: object) -> list[dict[str, Tensor]]:
        """Detections with classes from 1 on."""
        return [{**found, "labels": found["labels"] + 1} for found in result]
