"""Pseudo labels brought to the size of the initial labels that they find, so that no cycle makes labels smaller."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, clip, make_boxes, match


def as_large_as(initial: Sequence[Boxes], found: Sequence[Boxes], width: float, height: float) -> tuple[Boxes, ...]:
    """All pseudo labels, scaled about their centres by one factor and cut to the image.

    The factor makes those that find an initial label (IoU 0.5) as large as it: the median of what each pair asks for. A
    detector that draws every box a little too small, or too large, would else train on its own error in every cycle.

    Args:
        initial: weak labels of each image.
        found: pseudo labels of each image; where none of them finds an initial label they stay as they are.
        width: of every image, in px.
        height: likewise.
    """
    wanted = np.concatenate([np.zeros(0), *map(_factors, initial, found)])
    factor = float(np.median(wanted)) if len(wanted) else 1.0
    return tuple(clip(_scaled(boxes, factor), width, height) for boxes in found)


def _factors(initial: Boxes, found: Boxes) -> npt.NDArray[np.floating]:
    """(N,): side of an initial label over that of the pseudo label that finds it, as geometric means of both sides."""
    partner = match(found, initial)
    paired = partner >= 0
    factors: npt.NDArray[np.floating] = np.sqrt(initial.areas[partner[paired]] / found.areas[paired])
    return factors


def _scaled(boxes: Boxes, factor: float) -> Boxes:
    centres = (boxes.xyxy[:, :2] + boxes.xyxy[:, 2:]) / 2
    half_sides = (boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]) / 2 * factor
    return make_boxes(np.hstack((centres - half_sides, centres + half_sides)), boxes.scores, boxes.labels)
