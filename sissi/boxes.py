"""Boxes of one image, as one immutable record with pure functions on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
CELL = 1
"""The one class of the method; 0 is the detector's background."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """The boxes of one image.

    Attributes:
        xyxy: (N, 4) float32, left, top, right, bottom in pixels; the image spans [0, width] x [0, height].
        scores: (N,) float32, confidence in [0, 1]; 1 for what a person or an image-processing pipeline drew.
        labels: (N,) int64, class of each box; `CELL` everywhere as long as there is one class.

    The arrays are made read-only, so that a record can be shared between images, cycles and variants.
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
        """(N,) float32 in pixels."""
        return self.xyxy[:, 2] - self.xyxy[:, 0]

    @property
    def heights(self) -> Floats:
        """(N,) float32 in pixels."""
        return self.xyxy[:, 3] - self.xyxy[:, 1]

    @property
    def areas(self) -> Floats:
        """(N,) float32 in square pixels; 0 for an inverted box."""
        return np.maximum(self.widths, 0) * np.maximum(self.heights, 0)

    def take(self, which: npt.NDArray[Any] | slice) -> Boxes:
        """The boxes at an index array, a boolean mask or a slice, with their scores and labels."""
        return Boxes(self.xyxy[which].copy(), self.scores[which].copy(), self.labels[which].copy())


def make_boxes(xyxy: npt.ArrayLike, scores: npt.ArrayLike | None = None, labels: npt.ArrayLike | None = None) -> Boxes:
    """Boxes from anything array-like; scores default to 1, labels to `CELL`. The arrays are copied."""
    with np.errstate(over="ignore"):  # what no float32 can hold becomes infinite, and is dropped as such
        coordinates = np.array(xyxy, dtype=np.float32).reshape(-1, 4)
    count = len(coordinates)
    return Boxes(
        coordinates,
        np.ones(count, np.float32) if scores is None else np.array(scores, dtype=np.float32).reshape(-1),
        np.full(count, CELL, np.int64) if labels is None else np.array(labels, dtype=np.int64).reshape(-1),
    )


def as_lists(boxes: Boxes) -> tuple[list[list[float]], list[float], list[int]]:
    """The arguments of `make_boxes` that give the same record, as JSON values."""
    return boxes.xyxy.tolist(), boxes.scores.tolist(), boxes.labels.tolist()


EMPTY = make_boxes([])


def concatenate(many: Sequence[Boxes]) -> Boxes:
    """All boxes of a sequence, in order."""
    if not many:
        return EMPTY
    return Boxes(
        np.concatenate([boxes.xyxy for boxes in many]),
        np.concatenate([boxes.scores for boxes in many]),
        np.concatenate([boxes.labels for boxes in many]),
    )


def clip(boxes: Boxes, width: float, height: float) -> Boxes:
    """The boxes cut to the image, in order; one that lies outside keeps no area (see `drop_degenerate`)."""
    limit = np.array([width, height, width, height], np.float32)
    return Boxes(np.clip(boxes.xyxy, 0, limit), boxes.scores, boxes.labels)


def drop_degenerate(boxes: Boxes, smallest_side: float = 0.0) -> Boxes:
    """The boxes whose width and height both exceed `smallest_side` pixels."""
    return boxes.take((boxes.widths > smallest_side) & (boxes.heights > smallest_side))


def scale(boxes: Boxes, x: float, y: float) -> Boxes:
    """The boxes of an image that is resized by the factors `x` (width) and `y` (height)."""
    return Boxes(boxes.xyxy * np.array([x, y, x, y], np.float32), boxes.scores, boxes.labels)


def flip(boxes: Boxes, width: float, height: float, *, horizontal: bool, vertical: bool) -> Boxes:
    """The boxes of an image of this width and height that is mirrored left-right and/or top-bottom.

    It is its own inverse.
    """
    left, top, right, bottom = boxes.xyxy.T
    if horizontal:
        left, right = width - right, width - left
    if vertical:
        top, bottom = height - bottom, height - top
    return Boxes(np.stack([left, top, right, bottom], axis=1).astype(np.float32), boxes.scores, boxes.labels)


def iou(first: Boxes, second: Boxes) -> Floats:
    """Intersection over union of each pair: (len(first), len(second)) float32; 0 where both boxes are empty."""
    low = np.maximum(first.xyxy[:, None, :2], second.xyxy[None, :, :2])
    high = np.minimum(first.xyxy[:, None, 2:], second.xyxy[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    union = first.areas[:, None] + second.areas[None, :] - shared
    result: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result


def match(predicted: Boxes, truth: Boxes, threshold: float = 0.5) -> npt.NDArray[np.int64]:
    """For each predicted box the index of the true box that it finds, or -1: (len(predicted),) int64.

    COCO's rule: predictions in the order of their scores each take the free true box with the largest IoU, if that
    reaches `threshold`. Ties go to the earlier box.
    """
    found = np.full(len(predicted), -1, np.int64)
    overlaps = iou(predicted, truth)
    if not overlaps.size:
        return found
    for index in np.argsort(-predicted.scores, kind="stable"):
        best = int(np.argmax(overlaps[index]))
        if overlaps[index, best] >= threshold:
            found[index] = best
            overlaps[:, best] = -1.0
    return found


def suppress(boxes: Boxes, threshold: float) -> Boxes:
    """Non-maximum suppression: in the order of scores, drop what overlaps a kept box by an IoU above `threshold`."""
    order = np.argsort(-boxes.scores, kind="stable")
    overlaps = iou(boxes, boxes)
    kept: list[int] = []
    for index in order:
        if not kept or overlaps[index, kept].max() <= threshold:
            kept.append(int(index))
    return boxes.take(np.array(sorted(kept), np.int64))


def same(first: Boxes, second: Boxes) -> bool:
    """Whether two records hold bit-equal boxes, scores and labels."""
    return (
        np.array_equal(first.xyxy, second.xyxy)
        and np.array_equal(first.scores, second.scores)
        and np.array_equal(first.labels, second.labels)
    )
