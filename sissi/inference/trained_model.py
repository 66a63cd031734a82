"""Look-up of a trained detector by its address, with the settings in its run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from sissi.config import PseudoLabels
from sissi.config.load import did_you_mean
from sissi.errors import SissiError, TrackingError
from sissi.results.next_steps import preferred_variant
from sissi.results.stored_ablation import LATEST, StoredAblation, read_ablation


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


def find_model(
    address: str, folder: Path, variant: str | None = None, notify: Callable[[str], None] = print
) -> TrainedModel:
    """Find the model of an address.

    Args:
        address: detector file, MLflow address (runs:/RUN/model, models:/m-ID or models:/NAME/VERSION), or latest: a row
            of the latest ablation.
        folder: tracking folder with the MLflow store.
        variant: row of the latest ablation; None: see `next_steps.preferred_variant`.
        notify: shows which row is used.

    Raises:
        SissiError: the model is not in the store.
    """
    if address != LATEST and variant is not None:
        raise SissiError(f"--variant {variant}: goes with `latest`, and the model is {address}")
    if address != LATEST and ":/" not in address:
        return TrainedModel(Path(address), None, PseudoLabels())
    from sissi.tracking import open_existing_store

    store = open_existing_store(folder)
    if address == LATEST:
        address = _latest(read_ablation(store, LATEST), variant, notify)
    file = store.load_model_file(address)
    run = store.run_of_model(address)
    of_parent = store.run(run.parent).params if run.parent else {}  # the run of the ablation has the settings
    settings = _pseudo_labels(of_parent | run.params)
    for role in ("target_test", "target_train"):  # the latter where nobody has scored it
        try:
            predicted = store.artifact(run.id, f"predictions/{role}.json")
        except TrackingError:
            continue
        return TrainedModel(file, _common_size(predicted), settings)
    return TrainedModel(file, None, settings)  # not a run of an ablation


def _latest(ablation: StoredAblation, variant: str | None, notify: Callable[[str], None]) -> str:
    """The address of the model of a row of an ablation, of its first seed that came to its end."""
    by_seed = sorted(ablation.branches.items(), key=lambda item: item[0][1], reverse=True)  # seeds run side by side
    finished = {name: run for (name, _), run in by_seed if run.status == "FINISHED"}
    chosen = variant or preferred_variant(set(finished))
    if chosen is None:
        raise SissiError(f"run {ablation.run.id}: has no finished row that corrects labels; name one with --variant")
    if chosen not in finished:
        question = did_you_mean(chosen, finished)
        raise SissiError(
            f"--variant {chosen}: run {ablation.run.id} has no finished row of that name{question}; "
            f"there are {', '.join(finished) or 'none'}"
        )
    run = finished[chosen]
    notify(f"{ablation.known[chosen].title} of run {ablation.run.id}: runs:/{run.id}/model")
    return f"runs:/{run.id}/model"


def _common_size(predicted: Path) -> tuple[int, int] | None:
    images = json.loads(predicted.read_text(encoding="utf-8"))["images"]
    sizes = {(image["height"], image["width"]) for image in images}
    return sizes.pop() if len(sizes) == 1 else None


def _pseudo_labels(params: dict[str, str]) -> PseudoLabels:
    """Settings from the parameters of a run, which are texts or JSON."""
    keys = [key for key in PseudoLabels.model_fields if f"pseudo_labels.{key}" in params]
    return PseudoLabels.model_validate({key: yaml.safe_load(params[f"pseudo_labels.{key}"]) for key in keys})
