"""Label correction: test-time augmentation and weighted boxes fusion (3.4, equation 1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import cv2
import numpy as np
import numpy.typing as npt

from sissi.boxes import EMPTY, Boxes, clip, concatenate, drop_degenerate, flip, make_boxes, scale, suppress
from sissi.config import PseudoLabels
from sissi.method.box_fusion import weighted_boxes_fusion

Image = npt.NDArray[np.uint8]
Predict = Callable[[Sequence[Image]], list[Boxes]]
"""Boxes for each image of a batch of equally large (H, W, 3) uint8 images, in the pixels of that image."""


@dataclass(frozen=True)
class View:
    """One version of an image under test-time augmentation: resized, then mirrored."""

    scale: float
    horizontal: bool
    vertical: bool

    def apply(self, image: Image) -> Image:
        """The version of a (H, W, 3) uint8 image."""
        height, width = self.size(*image.shape[:2])
        resized = image if (height, width) == image.shape[:2] else cv2.resize(image, (width, height))
        return np.ascontiguousarray(resized[:: -1 if self.vertical else 1, :: -1 if self.horizontal else 1])

    def invert(self, boxes: Boxes, height: int, width: int) -> Boxes:
        """Boxes that were found in this version, in the pixels of the original of this height and width."""
        seen_height, seen_width = self.size(height, width)
        upright = flip(boxes, seen_width, seen_height, horizontal=self.horizontal, vertical=self.vertical)
        return scale(upright, width / seen_width, height / seen_height)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the version, in whole px."""
        return max(1, round(height * self.scale)), max(1, round(width * self.scale))


def views(settings: PseudoLabels) -> list[View]:
    """Every scale with every flip, scale by scale: the paper's 20 versions of an image by default."""
    return [
        View(factor, horizontal=name in ("horizontal", "both"), vertical=name in ("vertical", "both"))
        for factor in settings.scales
        for name in settings.flips
    ]


def predict_views(predict: Predict, image: Image, versions: Iterable[View]) -> list[Boxes]:
    """The boxes that each version of an image shows, mapped back to the image; a batch for each scale."""
    height, width = image.shape[:2]
    found = []
    for _, group in groupby(versions, key=lambda view: view.scale):
        batch = list(group)
        seen = predict([view.apply(image) for view in batch])
        found += [view.invert(boxes, height, width) for view, boxes in zip(batch, seen, strict=True)]
    return found


def fuse(per_view: Sequence[Boxes], height: int, width: int, settings: PseudoLabels) -> Boxes:
    """One box a cell from what the views show of an image; by default weighted boxes fusion (Solovyev et al. 2021).

    By equation 1 each coordinate is X = sum_i C_i X_i / sum_i C_i over the T boxes of a cluster; its score is their
    mean confidence times min(T, views) / views, so that what few views show counts less. With `settings.fusion: nms`
    it is plain non-maximum suppression over the boxes of all views. Only scores from `config.score` on stay, and
    boxes that are not smaller than a cell can be.
    """
    size = np.array([width, height, width, height], np.float64)
    inside = [drop_degenerate(clip(boxes, width, height)) for boxes in per_view]
    if not any(len(boxes) for boxes in inside):
        return EMPTY
    if settings.fusion == "nms":
        fused = _surest(inside, settings)
    else:
        xyxy, scores, labels = weighted_boxes_fusion(
            [boxes.xyxy / size for boxes in inside],
            [boxes.scores for boxes in inside],
            [boxes.labels for boxes in inside],
            settings.wbf_iou,
            settings.view_score,
        )
        fused = drop_degenerate(clip(make_boxes(xyxy * size, scores, labels), width, height))
    large = np.maximum(fused.widths, fused.heights) >= settings.smallest
    return fused.take(large & (fused.scores >= settings.score))


def _surest(per_view: Sequence[Boxes], settings: PseudoLabels) -> Boxes:
    """Of boxes that overlap, the one with the highest score, as it is (non-maximum suppression)."""
    together = concatenate(per_view)
    return suppress(together.take(together.scores >= settings.view_score), settings.wbf_iou)


def pseudo_labels(predict: Predict, image: Image, settings: PseudoLabels) -> Boxes:
    """The corrected labels of one (H, W, 3) uint8 image, in its pixels: look at all views, then fuse."""
    height, width = image.shape[:2]
    return fuse(predict_views(predict, image, views(settings)), height, width, settings)
