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
from sissi.config import Experiment, ImageReading, PseudoLabels
from sissi.data.experiment_data import data_files
from sissi.data.find import find_images, note_unread_parts, require_path, subsample
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE
from sissi.data.images.read import FIRST, image_size, read_image
from sissi.data.problems import Problems
from sissi.data.resized import resize
from sissi.detector.model import CellDetector, load, predict
from sissi.errors import SissiError
from sissi.method.pseudo_labels import predict_views, views
from sissi.results.stored_ablation import StoredAblation
from sissi.tracking import RunRecord, Store

LAST_CYCLES = 3
"""Cycles of a variant that are compared: its last ones, since early labels are worse and known to be."""
Image = npt.NDArray[np.uint8]
Snapshots = dict[str, Boxes]
"""Pseudo labels of a cycle: boxes by image name, in px of the image file."""


@dataclass(frozen=True, eq=False)
class CorrectedLabels:
    """What the variants of an ablation made of the labels of its target training images.

    Attributes:
        experiment: its settings.
        images: path of each image by its name.
        cycles: for each variant (and seed) the pseudo labels of its last cycles, oldest first.
        runs: of each variant (and seed).
        reading: planes and channels of the files that are the images.
    """

    experiment: Experiment
    images: Mapping[str, Path]
    cycles: Mapping[str, Sequence[Snapshots]]
    runs: Mapping[str, RunRecord]
    reading: ImageReading = FIRST


def corrected_labels(ablation: StoredAblation, folder: Path, problems: Problems) -> CorrectedLabels:
    """The pseudo labels that an ablation left in its store.

    Args:
        ablation: read with the settings of where its images are now.
        folder: of tracking, where the images of a demo are.
        problems: takes variants without pseudo labels, and labels without images.

    Raises:
        SissiError: none of its variants made pseudo labels, or the images are gone.
    """
    tracking = ablation.experiment.tracking.model_copy(update={"folder": folder})
    experiment = ablation.experiment.model_copy(update={"tracking": tracking})
    images = target_images(experiment, problems)
    runs = {run.name: run for (variant, _), run in ablation.branches.items() if ablation.known[variant].corrects}
    cycles = {name: _last_cycles(ablation, run, images, problems) for name, run in runs.items()}
    cycles = {name: snapshots for name, snapshots in cycles.items() if snapshots}
    if not cycles:
        raise SissiError(
            f"run {ablation.run.id}: none of its variants has made pseudo labels; let one correct labels first"
        )
    reading = data_files(experiment).target_train.reading
    note_unread_parts(images.values(), problems, reading)
    return CorrectedLabels(experiment, images, cycles, {name: runs[name] for name in cycles}, reading)


def trained_detectors(store: Store, corrected: CorrectedLabels, problems: Problems) -> dict[str, CellDetector]:
    """The detector of each variant (and seed) that came to its end, on the GPU if there is one."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    detectors = {}
    for name, run in corrected.runs.items():
        if run.status == "FINISHED":
            detectors[name] = load(store.load_model_file(f"runs:/{run.id}/model"), device)
        else:
            problems.add(Path(name), "variant without a trained detector, its views left out", run.status)
    return detectors


def target_images(experiment: Experiment, problems: Problems) -> dict[str, Path]:
    """Path of each target training image by its name."""
    files = data_files(experiment)
    target, key = files.target_train, "data.target_train.images"
    found = find_images(require_path(files.folder, target.images, key), target.format, problems, key)
    return subsample(found, target.limit)


def committees(
    corrected: CorrectedLabels, detectors: Mapping[str, CellDetector], done: Callable[[], None]
) -> Iterator[tuple[str, Committee]]:
    """Who has a say about each image, by its name; images that no label file lists are left out.

    Args:
        corrected: the labels that are compared.
        detectors: trained ones by variant, whose views of each image take part; may be empty.
        done: called after each image.
    """
    for name, path in corrected.images.items():
        seen = _views(path, corrected.reading, detectors, corrected.experiment.pseudo_labels)
        cycles = {
            variant: [labels[name] for labels in snapshots if name in labels]
            for variant, snapshots in corrected.cycles.items()
        }
        voting = {variant: labels for variant, labels in cycles.items() if labels}
        if voting:
            yield name, Committee(*image_size(path), voting, seen)
        done()


def _views(
    path: Path, reading: ImageReading, detectors: Mapping[str, CellDetector], settings: PseudoLabels
) -> dict[str, list[Boxes]]:
    """What each detector finds in each view of an image, of the score that a label needs; in px of the file."""
    if not detectors:
        return {}
    image = read_image(path, reading)
    return {name: _look(detector, image, settings) for name, detector in detectors.items()}


def _look(detector: CellDetector, image: Image, settings: PseudoLabels) -> list[Boxes]:
    height, width = detector.image_size
    seen = predict_views(lambda batch: predict(detector, batch), resize(image, height, width), views(settings))
    sure = [boxes.take(boxes.scores >= settings.score) for boxes in seen]
    return [scale(boxes, image.shape[1] / width, image.shape[0] / height) for boxes in sure]


def _last_cycles(
    ablation: StoredAblation, run: RunRecord, images: Mapping[str, Path], problems: Problems
) -> list[Snapshots]:
    labels = ablation.labels(run)
    if not labels:  # it failed early, or has just begun
        problems.add(Path(run.name), "variant that has made no pseudo labels, left out", run.status)
    last = [labels[epoch].boxes for epoch in sorted(labels)[-LAST_CYCLES:]]
    for name in sorted({name for snapshot in last for name in snapshot if name not in images}):
        problems.add(Path(run.name), LABELS_WITHOUT_IMAGE, name)
    return last
