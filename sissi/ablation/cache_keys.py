"""Cache keys: everything that determines the result of each stage. Stages with equal keys are computed once.

A key contains all settings except those that are excluded by name because they have no effect. So a new setting is part
of the key until it is excluded. Data enter by their content. The cache adds code and libraries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sissi.boxes import CELL, Boxes
from sissi.config import Blur, Experiment
from sissi.data.experiment_data import ExperimentData
from sissi.data.sample import digest
from sissi.runtime.cache import Entry

_LATER = {
    "name", "seeds", "variants", "rows", "classes", "source_class", "data", "early_learning", "deceleration",
    "pseudo_labels", "synthetic_images", "self_training", "evaluation", "tracking", "runtime",
}  # fmt: skip
"""Keys of an experiment without effect before correction starts; data, and classes of labels, enter by content."""

ENGINE = {"engine", "address", "gpus_per_job"}
"""Keys of `runtime` that say where jobs run, which no result depends on."""


def settings_without(experiment: Experiment, excluded: set[str]) -> dict[str, Any]:
    """All settings but the excluded sections, with a file of weights by its content."""
    settings = experiment.model_dump(mode="json", exclude=excluded)
    if isinstance(experiment.detector.weights, Path):
        settings["detector"]["weights"] = hashlib.sha256(experiment.detector.weights.read_bytes()).hexdigest()
    return settings


def trunk_key(experiment: Experiment, seed: int, digests: dict[str, str], device: str) -> dict[str, Any]:
    """Key of early learning, without its length, since a shorter trunk is the first part of a longer one."""
    return {
        "settings": settings_without(experiment, _LATER),
        "classes": list(experiment.class_names),
        "seed": seed,
        "data": {role: digests[role] for role in ("target_train", "source_train", "source_val")},
        "device": device,
        "threads": experiment.runtime.trunk_threads if device == "cpu" else None,
        "deterministic": experiment.runtime.deterministic,
    }


def first_labels_key(experiment: Experiment, trunk: Entry, epoch: int) -> dict[str, Any]:
    """Key of the pseudo labels of a checkpoint of the trunk."""
    later = {"on_empty", "merge", "size", "score", "class_scores", "confirm", "calibrate", "border_recall", "settled"}
    settings = experiment.pseudo_labels.model_dump(mode="json", exclude=later)
    return {"trunk": trunk.digest, "epoch": epoch, "settings": settings, "lowest_score": experiment.lowest_score}


def branch_key(
    experiment: Experiment, trunk: Entry, start: int, corrects: bool, blur: Blur | None, digests: dict[str, str]
) -> dict[str, Any]:
    """Key of the training from an epoch of the trunk on and of its log, without settings that do not affect it.

    Args:
        experiment: all settings.
        trunk: cache entry of the trunk, even if that trunk is not trained.
        start: epoch of the trunk after which the branch starts.
        corrects: whether labels are corrected; False for the reference rows.
        blur: blur of the background; None: original images.
        digests: digests of the data.
    """
    watched = experiment.evaluation.every_epoch
    return {
        "trunk": trunk.digest,
        "start": start,
        "target_train": digests["target_train"] if corrects else None,
        "pseudo_labels": experiment.pseudo_labels.model_dump(mode="json") if corrects else None,
        "blur": blur and blur.model_dump(mode="json"),
        "cloning": experiment.synthetic_images.model_dump(mode="json", exclude={"weak", "strong"}) if blur else None,
        "self_training": experiment.self_training.model_dump(mode="json") if corrects else None,
        "watched": {name: digests["target_val"] if name == "target_val" else None for name in watched},
        "reference": digests["reference"] if corrects else None,
        "overlays": experiment.tracking.overlays if corrects else None,
    }


def scores_key(experiment: Experiment, branch: Entry, digests: dict[str, str]) -> dict[str, Any]:
    """Key of the scores of a branch for the readers."""
    return {
        "branch": branch.digest,
        "data": {role: digests[role] for role in ("target_test", "readers")},
        "max_detections": experiment.evaluation.max_detections,
    }


def detections_key(branch: Entry, digests: dict[str, str]) -> dict[str, Any]:
    """Key of the detections of a branch in the target training images."""
    return {"branch": branch.digest, "target_train": digests["target_train"]}


def data_digests(data: ExperimentData) -> dict[str, str]:
    """sha256 of each data set, of readers' boxes, of the reference, and of the images that have one or are corrected.

    The last two include the number of all target images, since it determines the length of an epoch.
    """
    return {
        **data.digests(),
        "readers": _digest(data.readers),
        "reference": _digest({"reference": data.reference or []}),
        "referenced": f"{digest(data.referenced(), data.cache)} of {len(data.target_train)}",
        "corrected": f"{digest(data.corrected(), data.cache)} of {len(data.target_train)}",
    }


def _digest(named: Mapping[str, Sequence[Boxes | None]]) -> str:
    total = hashlib.sha256()
    for name, per_image in named.items():
        total.update(name.encode())
        for boxes in per_image:
            total.update(b"none" if boxes is None else _content(boxes))
    return total.hexdigest()


def _content(boxes: Boxes) -> bytes:
    labels = b"" if (boxes.labels == CELL).all() else boxes.labels.tobytes()
    return len(boxes).to_bytes(8, "little") + boxes.xyxy.tobytes() + labels
