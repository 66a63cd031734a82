"""The labels that the variants of an ablation ended with, and what their detectors find, read back from its runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from sissi.active_learning.disagreement import Committee
from sissi.boxes import Boxes, scale
from sissi.config import Experiment, PseudoLabels
from sissi.config.load import load_experiment
from sissi.data.experiment_data import data_files
from sissi.data.find import existing, find_images, spread
from sissi.data.formats import coco
from sissi.data.images.read import image_size, read_image
from sissi.data.problems import Problems
from sissi.data.resized import resize
from sissi.detector.model import CellDetector, load, predict
from sissi.errors import SissiError, TrackingError
from sissi.method.pseudo_labels import look, views
from sissi.tracking import RunRecord, Store

LAST_CYCLES = 3
"""Cycles of a variant that are compared: its last ones, since early labels are worse and known to be."""
Image = npt.NDArray[np.uint8]
Snapshots = dict[str, Boxes]
"""Pseudo labels of a cycle: boxes by image name, in px of the image file."""


@dataclass(frozen=True, eq=False)
class Finished:
    """An ablation that is over, as far as it is asked here.

    Attributes:
        experiment: its settings.
        images: path of each target training image by its name.
        cycles: for each variant (and seed) the pseudo labels of its last cycles, oldest first.
        runs: of each variant (and seed).
    """

    experiment: Experiment
    images: Mapping[str, Path]
    cycles: Mapping[str, Sequence[Snapshots]]
    runs: Mapping[str, RunRecord]


def read_ablation(store: Store, folder: Path, run: str, overrides: Sequence[str], problems: Problems) -> Finished:
    """What an ablation has left in its store.

    Args:
        store: of the ablation.
        folder: of the store, where the images of a demo are.
        run: id of the ablation's run, or `latest`.
        overrides: of its experiment, such as data.folder=... where the images have moved.
        problems: takes labels without images.

    Raises:
        SissiError: there is no such ablation, none of its variants made pseudo labels, or the images are gone.
    """
    parent = _ablation(store, run)
    written = load_experiment(store.artifact(parent.id, "experiment.yaml"), overrides)
    tracking = written.tracking.model_copy(update={"folder": folder})
    experiment = written.model_copy(update={"tracking": tracking})
    images = target_images(experiment, problems)
    branches = [one for one in store.children(parent.id) if one.tags.get("sissi.stage") == "branch"]
    cycles = {one.name: _last_cycles(store, one, images, problems) for one in branches if _corrects(one, written)}
    cycles = {name: snapshots for name, snapshots in cycles.items() if snapshots}
    if not cycles:
        raise SissiError(f"run {parent.id}: none of its variants has made pseudo labels; let one correct labels first")
    return Finished(experiment, images, cycles, {one.name: one for one in branches if one.name in cycles})


def trained_detectors(store: Store, ablation: Finished, problems: Problems) -> dict[str, CellDetector]:
    """The detector of each variant (and seed) that came to its end, on the GPU if there is one."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    detectors = {}
    for name, run in ablation.runs.items():
        if run.status == "FINISHED":
            detectors[name] = load(store.load_model_file(f"runs:/{run.id}/model"), device)
        else:
            problems.add(Path(name), "variant without a trained detector, its views left out", run.status)
    return detectors


def target_images(experiment: Experiment, problems: Problems) -> dict[str, Path]:
    """Path of each target training image by its name."""
    files = data_files(experiment)
    target, key = files.target_train, "data.target_train.images"
    found = find_images(existing(files.folder, target.images, key), target.format, problems, key)
    return spread(found, target.limit)


def committees(
    ablation: Finished, detectors: Mapping[str, CellDetector], done: Callable[[], None]
) -> Iterator[tuple[str, Committee]]:
    """Who has a say about each image, by its name; images that no label file lists are left out.

    Args:
        ablation: whose labels are compared.
        detectors: trained ones by variant, whose views of each image take part; may be empty.
        done: called after each image.
    """
    for name, path in ablation.images.items():
        seen = _views(path, detectors, ablation.experiment.pseudo_labels)
        cycles = {
            variant: [labels[name] for labels in snapshots if name in labels]
            for variant, snapshots in ablation.cycles.items()
        }
        voting = {variant: labels for variant, labels in cycles.items() if labels}
        if voting:
            yield name, Committee(*image_size(path), voting, seen)
        done()


def _views(path: Path, detectors: Mapping[str, CellDetector], settings: PseudoLabels) -> dict[str, list[Boxes]]:
    """What each detector finds in each view of an image, of the score that a label needs; in px of the file."""
    if not detectors:
        return {}
    image = read_image(path)
    return {name: _look(detector, image, settings) for name, detector in detectors.items()}


def _look(detector: CellDetector, image: Image, settings: PseudoLabels) -> list[Boxes]:
    height, width = detector.image_size
    seen = look(lambda batch: predict(detector, batch), resize(image, height, width), views(settings))
    sure = [boxes.take(boxes.scores >= settings.score) for boxes in seen]
    return [scale(boxes, image.shape[1] / width, image.shape[0] / height) for boxes in sure]


def _ablation(store: Store, run: str) -> RunRecord:
    if run != "latest":
        return store.run(run)
    latest = store.latest_ablation()
    if latest is None:
        raise SissiError(f"{store.address}: holds no ablation; run one, or name another store with --store")
    return latest


def _corrects(run: RunRecord, experiment: Experiment) -> bool:
    variant = experiment.known_rows.get(run.tags.get("sissi.variant", ""))
    return variant is not None and variant.corrects


def _last_cycles(store: Store, run: RunRecord, images: Mapping[str, Path], problems: Problems) -> list[Snapshots]:
    try:
        folder = store.artifact(run.id, "pseudo_labels")
    except TrackingError:  # it failed early, or has just begun
        problems.add(Path(run.name), "variant that has made no pseudo labels, left out", run.status)
        return []
    last = sorted(folder.glob("epoch_*.json"))[-LAST_CYCLES:]
    return [coco.read_labels(path, images, None, problems) for path in last]
