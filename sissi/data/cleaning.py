"""Labels as they come from files, made fit for their image: cut to it, and without boxes that hold nothing of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, clip
from sissi.data.problems import Problems
from sissi.data.sample import Sample


def clean(boxes: Boxes, sample: Sample, source: str, problems: Problems) -> Boxes:
    """The boxes cut to [0, width] x [0, height] of a sample's image, in order, without those that hold no pixel.

    Dropped and noted: boxes with NaN or infinity, without width or height, or outside the image. Cut and noted: boxes
    that reach over an edge. A box that ends at the right or bottom edge stays as it is.

    Args:
        boxes: in px of the image file.
        sample: whose boxes they are; its own boxes do not matter.
        source: where they come from, for the notes, such as `data.target_train`.
        problems: takes each box that was dropped or cut.
    """

    def keep(some: Boxes, which: npt.NDArray[np.bool_], kind: str) -> Boxes:
        note(some.take(~which), kind)
        return some.take(which)

    def note(some: Boxes, kind: str) -> None:
        for corners in some.xyxy:
            problems.add(sample.path, kind, f"{source}, [{', '.join(f'{corner:g}' for corner in corners)}]")

    boxes = keep(boxes, _is_finite(boxes), "box with a coordinate that is no number, dropped")
    boxes = keep(boxes, _has_area(boxes), "box without width or height, dropped")
    boxes = keep(boxes, _has_area(clip(boxes, sample.width, sample.height)), "box outside the image, dropped")
    cut = clip(boxes, sample.width, sample.height)
    note(boxes.take((cut.xyxy != boxes.xyxy).any(axis=1)), "box over the edge of the image, cut")
    return cut


def _is_finite(boxes: Boxes) -> npt.NDArray[np.bool_]:
    finite: npt.NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(boxes.xyxy), axis=1)
    return finite


def _has_area(boxes: Boxes) -> npt.NDArray[np.bool_]:
    return np.logical_and(boxes.widths > 0, boxes.heights > 0)
