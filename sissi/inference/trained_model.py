"""Find a trained detector by its address, and what its run knows of how to use it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from sissi.config import PseudoLabels
from sissi.errors import TrackingError


@dataclass(frozen=True)
class TrainedModel:
    """A detector's file, and what its run knows.

    Attributes:
        file: for `sissi.detector.model.load`.
        image_size: height and width in px of the image files that it was trained and scored for, if these were
            all of one size, as those of one microscope are; None if they were not, or nobody knows.
        pseudo_labels: test-time augmentation and fusion of its training; the defaults if nobody knows.
    """

    file: Path
    image_size: tuple[int, int] | None
    pseudo_labels: PseudoLabels


def find_model(address: str, folder: Path) -> TrainedModel:
    """The model of an address.

    Args:
        address: a detector file, or an MLflow address: runs:/RUN/model, models:/m-ID or models:/NAME/VERSION.
        folder: of the MLflow store.

    Raises:
        SissiError: the store does not know the model.
    """
    if ":/" not in address:
        return TrainedModel(Path(address), None, PseudoLabels())
    from sissi.tracking import open_store

    store = open_store(folder)
    file = store.load_model_file(address)
    run = store.run_of_model(address)
    around = store.run(run.parent).params if run.parent else {}  # the settings are those of the whole ablation
    settings = _pseudo_labels(around | run.params)
    try:
        scored = store.artifact(run.id, "predictions/target_test.json")
    except TrackingError:  # not a run of an ablation
        return TrainedModel(file, None, settings)
    return TrainedModel(file, _common_size(scored), settings)


def _common_size(scored: Path) -> tuple[int, int] | None:
    images = json.loads(scored.read_text(encoding="utf-8"))["images"]
    sizes = {(image["height"], image["width"]) for image in images}
    return sizes.pop() if len(sizes) == 1 else None


def _pseudo_labels(params: dict[str, str]) -> PseudoLabels:
    """The settings among parameters, which are texts or JSON."""
    keys = [key for key in PseudoLabels.model_fields if f"pseudo_labels.{key}" in params]
    return PseudoLabels.model_validate({key: yaml.safe_load(params[f"pseudo_labels.{key}"]) for key in keys})
