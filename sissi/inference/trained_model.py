"""Look-up of a trained detector by its address, with the settings in its run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from sissi.config import PseudoLabels
from sissi.errors import TrackingError


@dataclass(frozen=True)
class TrainedModel:
    """Detector file, with the settings in its run.

    Attributes:
        file: file for `sissi.detector.model.load`.
        image_size: height and width in px of the image files of training and test, if all have the same size, as those
            of one microscope; None if they differ or are unknown.
        pseudo_labels: test-time augmentation and fusion of its training; the defaults if unknown.
    """

    file: Path
    image_size: tuple[int, int] | None
    pseudo_labels: PseudoLabels


def find_model(address: str, folder: Path) -> TrainedModel:
    """Find the model of an address.

    Args:
        address: detector file, or MLflow address: runs:/RUN/model, models:/m-ID or models:/NAME/VERSION.
        folder: folder of the MLflow store.

    Raises:
        SissiError: the model is not in the store.
    """
    if ":/" not in address:
        return TrainedModel(Path(address), None, PseudoLabels())
    from sissi.tracking import open_store

    store = open_store(folder)
    file = store.load_model_file(address)
    run = store.run_of_model(address)
    of_parent = store.run(run.parent).params if run.parent else {}  # the run of the ablation has the settings
    settings = _pseudo_labels(of_parent | run.params)
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
    """Settings from the parameters of a run, which are texts or JSON."""
    keys = [key for key in PseudoLabels.model_fields if f"pseudo_labels.{key}" in params]
    return PseudoLabels.model_validate({key: yaml.safe_load(params[f"pseudo_labels.{key}"]) for key in keys})
