"""What decides the result of each stage of an experiment: what is equal here has equal results, and is done once.

Settings are taken as a whole and those that cannot matter are left out by name, so that a new setting counts until
somebody says otherwise. Data count by their content. Code and libraries are added by the cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sissi.boxes import Boxes
from sissi.config import Blur, Experiment
from sissi.data.experiment_data import ExperimentData
from sissi.data.sample import digest
from sissi.runtime.cache import Entry

_LATER = {
    "name", "seeds", "variants", "rows", "data", "early_learning", "deceleration", "pseudo_labels", "synthetic_images",
    "self_training", "evaluation", "tracking", "runtime",
}  # fmt: skip
"""Sections of an experiment that do not matter before correction starts; data are taken by content."""


def trunk_key(experiment: Experiment, seed: int, digests: dict[str, str], device: str) -> dict[str, Any]:
    """Early learning: its length is left out, since a shorter trunk is the beginning of a longer one."""
    settings = experiment.model_dump(mode="json", exclude=_LATER)
    if isinstance(experiment.detector.weights, Path):
        settings["detector"]["weights"] = hashlib.sha256(experiment.detector.weights.read_bytes()).hexdigest()
    return {
        "settings": settings,
        "seed": seed,
        "data": {role: digests[role] for role in ("target_train", "source_train", "source_val")},
        "device": device,
        "threads": experiment.runtime.trunk_threads if device == "cpu" else None,
        "deterministic": experiment.runtime.deterministic,
    }


def first_labels_key(experiment: Experiment, trunk: Entry, epoch: int) -> dict[str, Any]:
    """The pseudo labels of a checkpoint of the trunk."""
    later = {"on_empty", "merge", "size", "score", "confirm"}
    settings = experiment.pseudo_labels.model_dump(mode="json", exclude=later)
    return {"trunk": trunk.digest, "epoch": epoch, "settings": settings, "lowest_score": experiment.lowest_score}


def branch_key(
    experiment: Experiment, trunk: Entry, start: int, corrects: bool, blur: Blur | None, digests: dict[str, str]
) -> dict[str, Any]:
    """Training from an epoch of the trunk on, and what is told of it; what cannot matter to this branch is left out.

    Args:
        experiment: all settings.
        trunk: that it leaves, or that it would be part of if it begins with epoch 1.
        start: after this epoch.
        corrects: False for the reference rows, which keep their labels.
        blur: of the background; None: the original images.
        digests: of the data.
    """
    watched = experiment.evaluation.every_epoch
    return {
        "trunk": trunk.digest,
        "start": start,
        "pseudo_labels": experiment.pseudo_labels.model_dump(mode="json") if corrects else None,
        "blur": blur and blur.model_dump(mode="json"),
        "cloning": experiment.synthetic_images.model_dump(mode="json", exclude={"weak", "strong"}) if blur else None,
        "self_training": experiment.self_training.model_dump(mode="json") if corrects else None,
        "watched": {name: digests["target_val"] if name == "target_val" else None for name in watched},
        "reference": digests["reference"] if corrects else None,
        "overlays": experiment.tracking.overlays if corrects else None,
    }


def scores_key(experiment: Experiment, branch: Entry, digests: dict[str, str]) -> dict[str, Any]:
    """What a branch is worth to the readers."""
    return {
        "branch": branch.digest,
        "data": {role: digests[role] for role in ("target_test", "readers")},
        "max_detections": experiment.evaluation.max_detections,
    }


def data_digests(data: ExperimentData) -> dict[str, str]:
    """sha256 of images and labels of each data set, of what the readers drew, of the reference, and of what has one.

    The last names the number of all target images as well: an epoch on the referenced ones is as long as one on all.
    """
    return {
        **data.digests(),
        "readers": _digest(data.readers),
        "reference": _digest({"reference": data.reference or []}),
        "referenced": f"{digest(data.referenced())} of {len(data.target_train)}",
    }


def _digest(named: Mapping[str, Sequence[Boxes | None]]) -> str:
    total = hashlib.sha256()
    for name, per_image in named.items():
        total.update(name.encode())
        for boxes in per_image:
            total.update(b"none" if boxes is None else _content(boxes))
    return total.hexdigest()


def _content(boxes: Boxes) -> bytes:
    return len(boxes).to_bytes(8, "little") + boxes.xyxy.tobytes()
