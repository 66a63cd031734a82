"""The augmentation of section 4.1 by albumentations."""

from __future__ import annotations

import os
import threading

import cv2
import numpy as np
import numpy.typing as npt

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it asks the network for its newest version otherwise
import albumentations

from sissi.boxes import Boxes, make_boxes
from sissi.config import Augmentation

Image = npt.NDArray[np.uint8]


class AlbumentationsAugmenter:
    """Augmentation by albumentations; see `augmentation.Augment`."""

    def __init__(self, settings: Augmentation) -> None:
        self._settings = settings
        self._own = threading.local()

    def __call__(self, image: Image, boxes: Boxes, seed: int) -> tuple[Image, Boxes]:
        """The changed image and boxes."""
        if not hasattr(self._own, "compose"):  # it holds its random state: each thread needs one
            self._own.compose = _compose(self._settings)
        self._own.compose.set_random_seed(seed)
        changed = self._own.compose(image=image, bboxes=boxes.xyxy, labels=boxes.labels, scores=boxes.scores)
        return changed["image"], make_boxes(changed["bboxes"], changed["scores"], changed["labels"])


def _compose(settings: Augmentation) -> albumentations.Compose:
    return albumentations.Compose(
        [
            albumentations.ChannelShuffle(p=settings.channel_shuffle),
            albumentations.GaussianBlur(blur_limit=settings.blur_kernel, p=settings.gaussian_blur),
            albumentations.HorizontalFlip(p=settings.horizontal_flip),
            albumentations.VerticalFlip(p=settings.vertical_flip),
            albumentations.Affine(
                scale=settings.scale,
                translate_percent=(-settings.shift, settings.shift),
                rotate=(-settings.rotate, settings.rotate),
                # the box around a rotated box is larger than the cell; self-training would let labels grow by it
                # every cycle, until none fits. A cell is about the ellipse in its box.
                rotate_method="ellipse",
                border_mode=cv2.BORDER_REFLECT_101,
                p=settings.shift_scale_rotate,
            ),
        ],
        bbox_params=albumentations.BboxParams(
            format="pascal_voc",
            label_fields=["labels", "scores"],
            clip=True,
            filter_invalid_bboxes=True,
            min_visibility=settings.min_visibility,
            check_each_transform=False,  # only the last one moves boxes out of the image, and the end is checked anyhow
        ),
    )
