"""Detections and labels that are about the same cell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, match

SAME = 0.5
"""Lowest IoU of a detection and a label of the same cell."""
NEAR = 0.2
"""Lowest IoU of a label and a detection of the same cell where both have no other partner: the label is not exact."""


def pair(detections: Boxes, labels: Boxes) -> npt.NDArray[np.int64]:
    """Pair detections with labels one to one: first those of the same cell, then those near each other that are left.

    Returns:
        Index of the label of each detection, or -1, shape (len(detections),), int64.
    """
    partner = match(detections, labels, SAME)
    alone = np.flatnonzero(partner < 0)
    left = np.setdiff1d(np.arange(len(labels)), partner)
    second = match(detections.take(alone), labels.take(left), NEAR)
    found = second >= 0
    partner[alone[found]] = left[second[found]]
    return partner
