"""The detector that a start writes, and the training that it needs: the one place that knows a preset."""

from __future__ import annotations

from typing import Any

from sissi.data.start.frames import Frames

ANCHORS = ((0.55, 0.8), (1.15, 1.7))
"""Sides of the anchors of each level, against the longer side of a typical cell: as in the demo."""


def detector_settings(frames: Frames) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sections `detector` and `training`, the latter without what every detector needs alike.

    Args:
        frames: how it sees the images.
    """
    anchors = [[max(4, round(side * frames.cell)) for side in level] for level in ANCHORS]
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
