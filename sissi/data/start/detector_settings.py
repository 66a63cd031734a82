"""The detector that a start writes, and the training that it needs: the one place that knows a preset."""

from __future__ import annotations

from typing import Any

import numpy as np

from sissi.data.start.frames import Frames

SMALLEST, LARGEST = 0.55, 1.7
"""Smallest and largest anchor against the longer side of a typical cell: as in the demo."""
LEVELS, ON_LEVEL, FINEST = 2, 2, 4
"""Of the preset: levels, anchors of each, and the step of its finest level in px."""


def detector_settings(frames: Frames) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sections `detector` and `training`, the latter without what every detector needs alike.

    Args:
        frames: how it sees the images.
    """
    cells = (frames.cell, frames.source_cell or frames.cell)
    smallest = max(FINEST, SMALLEST * min(cells))
    largest = max(2 * smallest, LARGEST * max(cells))
    sides = np.geomspace(smallest, largest, LEVELS * ON_LEVEL).round().astype(int)
    anchors = sides.reshape(LEVELS, ON_LEVEL).tolist()
    detector: dict[str, Any] = {"preset": "small", "anchor_sizes": anchors, "score_floor": 0.01}
    if frames.detections > 300:
        detector |= {"detections_per_image": frames.detections, "proposals": frames.detections}
    training = {
        "optimizer": "adamw",
        "learning_rate": 0.002,
        "schedule": "cosine",
        "warmup_steps": 40,
        "clip_gradient": 5,
        "averaging": 0.95,
        "augmentation": {"scale": [0.8, 1.2]},
        "workers": 1,
    }
    return detector, training
