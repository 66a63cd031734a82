"""Label correction: test-time augmentation and weighted boxes fusion (3.4, equation 1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import cv2
import numpy as np
import numpy.typing as npt

from sissi.boxes import CELL, EMPTY, Boxes, clip, concatenate, drop_degenerate, flip, make_boxes, scale, suppress
from sissi.config import PseudoLabels
from sissi.detector.one_class import join_classes
from sissi.method.box_fusion import weighted_boxes_fusion
from sissi.method.class_votes import voted
from sissi.method.library_fusions import LIBRARY_FUSIONS

Image = npt.NDArray[np.uint8]
Predict = Callable[[Sequence[Image]], list[Boxes]]
"""Function that predicts boxes for a batch of images of equal shape (H, W, 3), uint8, in px of these images."""


@dataclass(frozen=True)
class View:
    """View of an image under test-time augmentation: resized, then flipped.

    Attributes:
        scale: scale factor of both sides.
        horizontal: whether the view is flipped left-right.
        vertical: whether the view is flipped top-bottom.
    """

    scale: float
    horizontal: bool
    vertical: bool

    def apply(self, image: Image) -> Image:
        """View of an image (H, W, 3) uint8."""
        height, width = self.size(*image.shape[:2])
        resized = image if (height, width) == image.shape[:2] else cv2.resize(image, (width, height))
        return np.ascontiguousarray(resized[:: -1 if self.vertical else 1, :: -1 if self.horizontal else 1])

    def invert(self, boxes: Boxes, height: int, width: int) -> Boxes:
        """Map boxes in px of this view to px of the original image of this height and width."""
        view_height, view_width = self.size(height, width)
        unflipped = flip(boxes, view_width, view_height, horizontal=self.horizontal, vertical=self.vertical)
        return scale(unflipped, width / view_width, height / view_height)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the view of an image of this height and width, in whole px."""
        return max(1, round(height * self.scale)), max(1, round(width * self.scale))


def views(settings: PseudoLabels) -> list[View]:
    """Views with every combination of scale and flip, scale by scale; by default the paper's 20 views."""
    return [
        View(factor, horizontal=name in ("horizontal", "both"), vertical=name in ("vertical", "both"))
        for factor in settings.scales
        for name in settings.flips
    ]


def predict_views(predict: Predict, image: Image, views: Iterable[View]) -> list[Boxes]:
    """Predict boxes in each view of an image, one batch per scale, and map them to the image.

    Args:
        predict: function that predicts boxes for a batch of images.
        image: RGB image, shape (H, W, 3), uint8.
        views: views, with those of one scale next to each other.

    Returns:
        Boxes of each view, in px of the image.
    """
    height, width = image.shape[:2]
    per_view = []
    for _, group in groupby(views, key=lambda view: view.scale):
        batch = list(group)
        predicted = predict([view.apply(image) for view in batch])
        per_view += [view.invert(boxes, height, width) for view, boxes in zip(batch, predicted, strict=True)]
    return per_view


def fuse(per_view: Sequence[Boxes], height: int, width: int, settings: PseudoLabels, initial: Boxes = EMPTY) -> Boxes:
    """Fuse the boxes of all views to one box per cell; by default by weighted boxes fusion (Solovyev et al. 2021).

    By equation 1, each coordinate is X = sum_i C_i X_i / sum_i C_i over the T boxes of a cluster. The score is their
    mean confidence times min(T, views) / views, so that boxes in few views count less. With `settings.fusion: nms`, the
    result is non-maximum suppression over the boxes of all views; for the others, see `library_fusions`. By default
    boxes are fused whatever their classes, those of a cell in a view joined first, and vote on the class: see
    `class_votes.voted`. Boxes with a score below `settings.score` or a longer side below `settings.smallest` are
    dropped.

    Args:
        per_view: boxes of each view, in px of the image; of a cell one for each class that it may be of.
        height: height of the image, in px.
        width: width of the image, in px.
        settings: settings of the fusion.
        initial: weak labels, which vote on the class of the cells that they match.
    """
    size = np.array([width, height, width, height], np.float64)
    inside = [drop_degenerate(clip(boxes, width, height)) for boxes in per_view]
    if not any(len(boxes) for boxes in inside):
        return EMPTY
    separate = settings.class_fusion == "separate"
    cells = inside if separate else [join_classes(boxes, settings.wbf_iou) for boxes in inside]
    if settings.fusion == "nms":
        fused = _suppressed(cells, settings)
    else:
        fusion = LIBRARY_FUSIONS.get(settings.fusion, weighted_boxes_fusion)
        xyxy, scores, labels = fusion(
            [boxes.xyxy / size for boxes in cells],
            [boxes.scores for boxes in cells],
            [boxes.labels if separate else np.full(len(boxes), CELL) for boxes in cells],
            settings.wbf_iou,
            settings.view_score,
        )
        fused = drop_degenerate(clip(make_boxes(xyxy * size, scores, labels), width, height))
    if not separate:
        fused = voted(fused, inside, initial, settings.initial_vote)
    large = np.maximum(fused.widths, fused.heights) >= settings.smallest
    return fused.take(large & (fused.scores >= settings.score))


def _suppressed(per_view: Sequence[Boxes], settings: PseudoLabels) -> Boxes:
    """Non-maximum suppression: of boxes that overlap, the box with the highest score, unchanged."""
    together = concatenate(per_view)
    used = together.take(together.scores >= settings.view_score)
    if settings.class_fusion == "vote":
        return suppress(used, settings.wbf_iou)
    of_classes = [used.take(used.labels == label) for label in np.unique(used.labels)]
    return concatenate([suppress(boxes, settings.wbf_iou) for boxes in of_classes])


def pseudo_labels(predict: Predict, image: Image, settings: PseudoLabels, initial: Boxes = EMPTY) -> Boxes:
    """Pseudo labels of one image: predictions in all views, then fusion.

    Args:
        predict: function that predicts boxes for a batch of images.
        image: RGB image, shape (H, W, 3), uint8.
        settings: views, and settings of the fusion.
        initial: weak labels of the image, which vote on classes, in px of it.

    Returns:
        Boxes in px of the image.
    """
    height, width = image.shape[:2]
    return fuse(predict_views(predict, image, views(settings)), height, width, settings, initial)
