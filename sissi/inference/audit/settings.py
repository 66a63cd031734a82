"""Settings of the detectors of an audit: short training on small images, robust against labels that lack cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sissi.config import Experiment
from sissi.config.classes import Meaning
from sissi.config.load import validated
from sissi.config.variants import RECIPE, VARIANTS, settings_of_variant
from sissi.data.sample import Sample
from sissi.data.start.detector_settings import detector_settings
from sissi.data.start.frames import fit_frames
from sissi.data.start.labelling import typical_side
from sissi.runtime.device import cores, device_of

CELL = 32.0
"""Longer side of a typical cell in a resized image, in px: to find a cell takes less than to measure it."""
EPOCHS = 2 / 3
"""Epochs, as a share of those that `sissi start` gives as many images."""
FEWEST_EPOCHS = 8


def audit_experiment(
    samples: Sequence[Sample], classes: Meaning, tracking: Path, overrides: Sequence[str]
) -> Experiment:
    """Settings of the training of each detector, with those of the row `recipe`.

    Args:
        samples: images with the labels in doubt, at least one label.
        classes: class by name in the labels; empty: every label is a cell.
        tracking: folder of the cache.
        overrides: such as `training.epochs=12`.

    Raises:
        SissiError: a setting is impossible, or a cell is larger than the images.
    """
    frames = fit_frames(samples, typical_side(samples), device_of("auto"), cores(), CELL)
    detector, training = detector_settings(frames)
    images = {"format": "coco", "images": ".", "labels": "."}
    tree: dict[str, Any] = {
        "name": "audit",
        "classes": dict(classes),
        "data": {"kind": "files", "target_train": images, "source": "drawn"},
        "detector": detector,
        "training": training
        | {
            "image_size": [frames.height, frames.width],
            "epochs": max(FEWEST_EPOCHS, round(frames.epochs * EPOCHS)),
        },
        "early_learning": {"max_epochs": 1},
        "pseudo_labels": {"scales": [1.0]},
        "self_training": {"mixed": False},
        "evaluation": {"every_epoch": []},
        "tracking": {"folder": str(tracking), "overlays": 0},
        "runtime": {"jobs": cores()},
    }
    return settings_of_variant(VARIANTS[RECIPE], validated(tree, overrides, "audit"))
