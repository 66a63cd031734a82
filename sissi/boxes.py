"""Boxes of one image: an immutable record, and pure functions on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
IGNORE = -1
"""Label of an ignore region, in which cells may have no label; classes of cells are 1 and above."""
CELL = 1
"""Label of the first class, and of all cells where there is one class; 0 is the detector's background."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes of one image.

    The arrays become read-only, so that a record can be shared between images, cycles and variants.

    Attributes:
        xyxy: left, top, right and bottom in px, shape (N, 4), float32; the image spans [0, width] x [0, height].
        scores: confidence in [0, 1], shape (N,), float32; 1 for labels by a person or by image processing.
        labels: number of the class of each box, from 1 on, shape (N,), int64; `CELL` for every cell of the only class.

    Raises:
        ValueError: shapes that do not fit together.
    """

    xyxy: Floats
    scores: Floats
    labels: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        count = len(self.xyxy)
        if self.xyxy.shape != (count, 4) or self.scores.shape != (count,) or self.labels.shape != (count,):
            raise ValueError(
                f"boxes {self.xyxy.shape}, scores {self.scores.shape} and labels {self.labels.shape} "
                "must be (N, 4), (N,) and (N,)"
            )
        for array in (self.xyxy, self.scores, self.labels):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.xyxy)

    @property
    def widths(self) -> Floats:
        """Widths in px, shape (N,), float32."""
        return self.xyxy[:, 2] - self.xyxy[:, 0]

    @property
    def heights(self) -> Floats:
        """Heights in px, shape (N,), float32."""
        return self.xyxy[:, 3] - self.xyxy[:, 1]

    @property
    def classes(self) -> npt.NDArray[np.int64]:
        """Index of the class of each box in a tuple of names, from 0 on, shape (N,), int64."""
        return self.labels - CELL

    @property
    def areas(self) -> Floats:
        """Areas in square px, shape (N,), float32; 0 for an inverted box."""
        return np.maximum(self.widths, 0) * np.maximum(self.heights, 0)

    def take(self, which: npt.NDArray[Any] | slice) -> Boxes:
        """Boxes selected by an index array, a boolean mask or a slice, with their scores and labels."""
        return Boxes(self.xyxy[which].copy(), self.scores[which].copy(), self.labels[which].copy())


def make_boxes(xyxy: npt.ArrayLike, scores: npt.ArrayLike | None = None, labels: npt.ArrayLike | None = None) -> Boxes:
    """Make a record from array-like values, which are copied.

    Args:
        xyxy: coordinates in px, shape (N, 4).
        scores: scores, shape (N,); default: 1.
        labels: classes, shape (N,); default: `CELL`.
    """
    with np.errstate(over="ignore"):  # values beyond the range of float32 become infinite, and are dropped as such
        coordinates = np.array(xyxy, dtype=np.float32).reshape(-1, 4)
    count = len(coordinates)
    return Boxes(
        coordinates,
        np.ones(count, np.float32) if scores is None else np.array(scores, dtype=np.float32).reshape(-1),
        np.full(count, CELL, np.int64) if labels is None else np.array(labels, dtype=np.int64).reshape(-1),
    )


def as_lists(boxes: Boxes) -> tuple[list[list[float]], list[float], list[int]]:
    """Coordinates, scores and labels as JSON values, from which `make_boxes` makes an equal record."""
    return boxes.xyxy.tolist(), boxes.scores.tolist(), boxes.labels.tolist()


EMPTY = make_boxes([])


def concatenate(many: Sequence[Boxes]) -> Boxes:
    """All boxes of a sequence of records, in order."""
    if not many:
        return EMPTY
    return Boxes(
        np.concatenate([boxes.xyxy for boxes in many]),
        np.concatenate([boxes.scores for boxes in many]),
        np.concatenate([boxes.labels for boxes in many]),
    )


def clip(boxes: Boxes, width: float, height: float) -> Boxes:
    """Boxes clipped to an image of this size in px, in order; a box outside has no area (see `drop_degenerate`)."""
    limit = np.array([width, height, width, height], np.float32)
    return Boxes(np.clip(boxes.xyxy, 0, limit), boxes.scores, boxes.labels)


def drop_degenerate(boxes: Boxes, smallest_side: float = 0.0) -> Boxes:
    """Boxes with width and height above `smallest_side`, in px."""
    return boxes.take((boxes.widths > smallest_side) & (boxes.heights > smallest_side))


def with_ignore_regions(labels: Boxes, ignored: Boxes) -> Boxes:
    """Labels, followed by the ignore regions of the same image with the label `IGNORE`."""
    return concatenate([labels, make_boxes(ignored.xyxy, ignored.scores, np.full(len(ignored), IGNORE))])


def split_ignore_regions(boxes: Boxes) -> tuple[Boxes, Boxes]:
    """Labels, and the ignore regions among them."""
    ignored = boxes.labels == IGNORE
    return boxes.take(~ignored), boxes.take(ignored)


def scale(boxes: Boxes, x: float, y: float) -> Boxes:
    """Boxes after a resize of the image by the factors `x` (width) and `y` (height)."""
    return Boxes(boxes.xyxy * np.array([x, y, x, y], np.float32), boxes.scores, boxes.labels)


def flip(boxes: Boxes, width: float, height: float, *, horizontal: bool, vertical: bool) -> Boxes:
    """Boxes after a horizontal and/or vertical flip of an image of this width and height in px.

    The function is its own inverse.
    """
    left, top, right, bottom = boxes.xyxy.T
    if horizontal:
        left, right = width - right, width - left
    if vertical:
        top, bottom = height - bottom, height - top
    return Boxes(np.stack([left, top, right, bottom], axis=1).astype(np.float32), boxes.scores, boxes.labels)


def iou(first: Boxes, second: Boxes) -> Floats:
    """Intersection over union of each pair, shape (len(first), len(second)), float32; 0 where both boxes are empty."""
    low = np.maximum(first.xyxy[:, None, :2], second.xyxy[None, :, :2])
    high = np.minimum(first.xyxy[:, None, 2:], second.xyxy[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    union = first.areas[:, None] + second.areas[None, :] - shared
    result: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result


def match(predicted: Boxes, truth: Boxes, threshold: float = 0.5) -> npt.NDArray[np.int64]:
    """Match predicted boxes with true boxes by COCO's rule.

    In the order of their scores, predictions are matched with the unmatched true box of the largest IoU, if the IoU is
    at least `threshold`. Of equal IoUs, the earlier box is taken.

    Returns:
        Index of the matched true box, or -1, for each predicted box, shape (len(predicted),), int64.
    """
    matched = np.full(len(predicted), -1, np.int64)
    overlaps = iou(predicted, truth)
    if not overlaps.size:
        return matched
    for index in np.argsort(-predicted.scores, kind="stable"):
        best = int(np.argmax(overlaps[index]))
        if overlaps[index, best] >= threshold:
            matched[index] = best
            overlaps[:, best] = -1.0
    return matched


def suppress(boxes: Boxes, threshold: float) -> Boxes:
    """Non-maximum suppression: in the order of scores, drop boxes with an IoU above `threshold` with a kept box."""
    order = np.argsort(-boxes.scores, kind="stable")
    overlaps = iou(boxes, boxes)
    kept: list[int] = []
    for index in order:
        if not kept or overlaps[index, kept].max() <= threshold:
            kept.append(int(index))
    return boxes.take(np.array(sorted(kept), np.int64))


def same(first: Boxes, second: Boxes) -> bool:
    """Whether two records have bitwise equal boxes, scores and labels."""
    return (
        np.array_equal(first.xyxy, second.xyxy)
        and np.array_equal(first.scores, second.scores)
        and np.array_equal(first.labels, second.labels)
    )
