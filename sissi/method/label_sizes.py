"""Scaling of pseudo labels to the size of the initial labels that they match, so that labels do not shrink."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, clip, make_boxes, match


def as_large_as(initial: Sequence[Boxes], pseudo: Sequence[Boxes], width: float, height: float) -> tuple[Boxes, ...]:
    """Scale all pseudo labels of a class about their centres by one factor, and clip them to the image.

    The factor is the median size ratio of the initial and pseudo labels that match (IoU 0.5), of a class without a
    match that of all classes. Without it, a detector
    that predicts every box slightly too small or too large would be trained on its own error in every cycle.

    Args:
        initial: weak labels of each image.
        pseudo: pseudo labels of each image; without any match they are not scaled.
        width: width of every image, in px.
        height: height of every image, in px.
    """
    pairs = [_size_ratios(*both) for both in zip(initial, pseudo, strict=True)]
    ratios = np.concatenate([np.zeros(0), *(found for found, _ in pairs)])
    classes = np.concatenate([np.zeros(0, np.int64), *(labels for _, labels in pairs)])
    of_all = float(np.median(ratios)) if len(ratios) else 1.0
    factors = {label: float(np.median(ratios[classes == label])) for label in np.unique(classes).tolist()}
    return tuple(clip(_scaled(boxes, factors, of_all), width, height) for boxes in pseudo)


def _size_ratios(initial: Boxes, pseudo: Boxes) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.int64]]:
    """Size of each matched initial label over that of its pseudo label, and the latter's class, shapes (N,).

    Size: root of the area.
    """
    partner = match(pseudo, initial)
    paired = partner >= 0
    ratios: npt.NDArray[np.floating] = np.sqrt(initial.areas[partner[paired]] / pseudo.areas[paired])
    return ratios, pseudo.labels[paired]


def _scaled(boxes: Boxes, factors: dict[int, float], of_others: float) -> Boxes:
    factor = np.array([[factors.get(label, of_others)] for label in boxes.labels.tolist()], np.float32).reshape(-1, 1)
    centres = (boxes.xyxy[:, :2] + boxes.xyxy[:, 2:]) / 2
    half_sides = (boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]) / 2 * factor
    return make_boxes(np.hstack((centres - half_sides, centres + half_sides)), boxes.scores, boxes.labels)
