"""Committee of an ablation: the last labels of its variants, and the predictions of their detectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from sissi.active_learning.disagreement import Committee
from sissi.boxes import EMPTY, Boxes, scale
from sissi.config import Experiment, ImageReading, PseudoLabels
from sissi.data.experiment_data import data_files
from sissi.data.find import find_images, listed, note_unread_parts, require_path, subsample
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE
from sissi.data.images.read import FIRST, image_size, read_image
from sissi.data.labels import read_labels
from sissi.data.problems import Problems
from sissi.data.resized import resize
from sissi.data.sample import Sample
from sissi.detector.model import CellDetector, load, predict
from sissi.errors import SissiError
from sissi.method.pseudo_labels import predict_views, views
from sissi.results.stored_ablation import StoredAblation
from sissi.tracking import RunRecord, Store

LAST_CYCLES = 3
"""Number of cycles of a variant that are compared: the last ones, since early labels are known to be worse."""
Image = npt.NDArray[np.uint8]
Snapshots = dict[str, Boxes]
"""Pseudo labels of a cycle: boxes by image name, in px of the image file."""


@dataclass(frozen=True, eq=False)
class CorrectedLabels:
    """Pseudo labels of the variants of an ablation for its target training images.

    Attributes:
        experiment: all settings.
        images: path of each image by its name.
        cycles: pseudo labels of the last cycles, oldest first, by variant (and seed).
        runs: run by variant (and seed).
        reading: planes and channels of the files that are the images.
        by_hand: names of the images whose labels a person went through.
    """

    experiment: Experiment
    images: Mapping[str, Path]
    cycles: Mapping[str, Sequence[Snapshots]]
    runs: Mapping[str, RunRecord]
    reading: ImageReading = FIRST
    by_hand: AbstractSet[str] = frozenset()


def corrected_labels(ablation: StoredAblation, folder: Path, problems: Problems) -> CorrectedLabels:
    """Read the pseudo labels of an ablation from its store.

    Args:
        ablation: ablation, with the current locations of its images.
        folder: folder of tracking, which contains the images of a demo.
        problems: collection to which variants without pseudo labels and labels without images are added.

    Raises:
        SissiError: no variant has pseudo labels, or the images or the corrected labels are missing.
    """
    tracking = ablation.experiment.tracking.model_copy(update={"folder": folder})
    experiment = ablation.experiment.model_copy(update={"tracking": tracking})
    images = target_images(experiment, problems)
    runs = {run.name: run for (variant, _), run in ablation.branches.items() if ablation.known[variant].corrects}
    cycles = {name: _last_cycles(ablation, run, images, problems) for name, run in runs.items()}
    cycles = {name: snapshots for name, snapshots in cycles.items() if snapshots}
    if not cycles:
        raise SissiError(
            f"run {ablation.run.id}: no variant has pseudo labels; run an ablation with a variant that corrects labels"
        )
    reading = data_files(experiment).target_train.reading
    note_unread_parts(images.values(), problems, reading)
    trained = {name: runs[name] for name in cycles}
    return CorrectedLabels(experiment, images, cycles, trained, reading, _by_hand(experiment, images))


def _by_hand(experiment: Experiment, images: Mapping[str, Path]) -> frozenset[str]:
    """Names of the images in data.target_corrected, as its file is now; an ablation reports what is wrong there."""
    files = data_files(experiment)
    if files.target_corrected is None:
        return frozenset()
    samples = [Sample(name, path, *image_size(path), EMPTY) for name, path in images.items()]
    key, classes = "data.target_corrected", experiment.classes
    return frozenset(read_labels(files.target_corrected, files.folder, samples, Problems(), key, classes=classes))


def trained_detectors(store: Store, corrected: CorrectedLabels, problems: Problems) -> dict[str, CellDetector]:
    """Load the detector of each finished variant (and seed), on the GPU if there is one."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    detectors = {}
    for name, run in corrected.runs.items():
        if run.status == "FINISHED":
            detectors[name] = load(store.load_model_file(f"runs:/{run.id}/model"), device)
        else:
            problems.add(Path(name), "variant without a trained detector, its views are left out", run.status)
    return detectors


def target_images(experiment: Experiment, problems: Problems) -> dict[str, Path]:
    """Path of each target training image by its name."""
    files = data_files(experiment)
    target, key = files.target_train, "data.target_train.images"
    images = find_images(require_path(files.folder, target.images, key), target.format, problems, key)
    chosen = listed(images, files.folder, target.names, "data.target_train.names")
    return subsample(chosen, target.limit)


def committees(
    corrected: CorrectedLabels, detectors: Mapping[str, CellDetector], done: Callable[[], None]
) -> Iterator[tuple[str, Committee]]:
    """Committee of each image; images without pseudo labels are left out.

    Args:
        corrected: pseudo labels.
        detectors: trained detectors by variant, which predict boxes in the views of each image; may be empty.
        done: function that is called after each image.

    Yields:
        Name of each image, and its committee.
    """
    for name, path in corrected.images.items():
        predicted = _views(path, corrected.reading, detectors, corrected.experiment.pseudo_labels)
        cycles = {
            variant: [labels[name] for labels in snapshots if name in labels]
            for variant, snapshots in corrected.cycles.items()
        }
        voting = {variant: labels for variant, labels in cycles.items() if labels}
        if voting:
            yield name, Committee(*image_size(path), voting, predicted)
        done()


def _views(
    path: Path, reading: ImageReading, detectors: Mapping[str, CellDetector], settings: PseudoLabels
) -> dict[str, list[Boxes]]:
    """Boxes of each detector in each view of an image, with the score of a label, in px of the image file."""
    if not detectors:
        return {}
    image = read_image(path, reading)
    return {name: _boxes_in_views(detector, image, settings) for name, detector in detectors.items()}


def _boxes_in_views(detector: CellDetector, image: Image, settings: PseudoLabels) -> list[Boxes]:
    height, width = detector.image_size
    per_view = predict_views(lambda batch: predict(detector, batch), resize(image, height, width), views(settings))
    accepted = [boxes.take(boxes.scores >= settings.score) for boxes in per_view]
    return [scale(boxes, image.shape[1] / width, image.shape[0] / height) for boxes in accepted]


def _last_cycles(
    ablation: StoredAblation, run: RunRecord, images: Mapping[str, Path], problems: Problems
) -> list[Snapshots]:
    labels = ablation.labels(run)
    if not labels:  # the run failed early or has just started
        problems.add(Path(run.name), "variant without pseudo labels, left out", run.status)
    last = [labels[epoch].boxes for epoch in sorted(labels)[-LAST_CYCLES:]]
    for name in sorted({name for snapshot in last for name in snapshot if name not in images}):
        problems.add(Path(run.name), LABELS_WITHOUT_IMAGE, name)
    return last
