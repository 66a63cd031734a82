"""The detector that a start writes, and the training that it needs: the one place that knows a preset."""

from __future__ import annotations

from typing import Any

from sissi.data.start.frames import Frames


def detector_settings(frames: Frames) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sections `detector` and `training`, the latter without what depends on the images.

    docs/detectors.md says how they were found.

    Args:
        frames: how it sees the images.
    """
    detector: dict[str, Any] = {"preset": "lite", "weights": "imagenet", "frozen_stages": 2, "score_floor": 0.01}
    if frames.detections > 300:
        detector["detections_per_image"] = frames.detections
    training = {
        "target_batch": 4,
        "source_batch": 2,
        "optimizer": "adamw",
        "learning_rate": 0.004,
        "schedule": "cosine",
        "warmup_steps": 40,
        "clip_gradient": 5,
        "averaging": 0.95,
        "augmentation": {"scale": [0.8, 1.2]},
        "workers": 1,
    }
    return detector, training
