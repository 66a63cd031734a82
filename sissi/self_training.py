"""Phase 2, iterative self-training: algorithm 1 of the paper, a cycle an epoch (3.4, 3.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from sissi.boxes import Boxes
from sissi.data.frames import Frames
from sissi.detector import CellDetector, predict
from sissi.learner import Learner
from sissi.mixed_batches import MixedBatches
from sissi.pseudo_labels import pseudo_labels
from sissi.records import OnEpoch, Progress, Recorder, progress_of
from sissi.settings import Blur, Experiment
from sissi.synthetic_images import synthesise
from sissi.training import train_epoch

OnLabels = Callable[[Sequence[Boxes], int], None]
"""Called with the labels of every target image, in px of its frame, and the epoch that will train on them."""


def self_train(
    learner: Learner,
    target: Frames,
    source: Frames,
    *,
    start: int,
    blur: Blur | None,
    first_labels: Sequence[Boxes] | None,
    experiment: Experiment,
    seed: int,
    folder: Path,
    record: Recorder,
    on_labels: OnLabels,
    on_epoch: OnEpoch,
) -> None:
    """Algorithm 1: correct the labels, synthesise the images, train an epoch; until the last epoch.

    Args:
        learner: as early learning left it after epoch `start`; changed in place.
        target: target training images with their initial weak labels.
        source: source training images with clean labels.
        start: epochs of early learning.
        blur: of the background that labelled cells are cloned onto; None: the original images.
        first_labels: `correct` of this very learner where somebody has it already (an entry an image).
        experiment: all settings.
        seed: of batches and augmentation.
        folder: for the synthetic-like images of the current cycle.
        record: told the progress of every epoch.
        on_labels: told the pseudo labels of every cycle.
        on_epoch: told the losses of every epoch.
    """
    epochs = experiment.training.epochs
    labels, found = list(target.boxes), first_labels
    for epoch in range(start + 1, epochs + 1):
        if found is None:
            found = correct(learner.teacher, target, experiment, progress_of(record, epoch, epochs, "labels"))
        labels, kept = replace_labels(labels, found, experiment.pseudo_labels.on_empty)
        on_labels(labels, epoch)
        corrected = target.with_boxes(labels).take(kept)
        if blur is not None:
            corrected = synthetic_frames(corrected, blur, experiment.synthetic_images.margin, folder)
        batches = MixedBatches(corrected, source, experiment.training)
        losses = train_epoch(learner, batches, seed, epoch, progress_of(record, epoch, epochs, "training"))
        on_epoch(epoch, losses)
        found = None


def correct(detector: CellDetector, target: Frames, experiment: Experiment, progress: Progress) -> list[Boxes]:
    """What the detector finds in every target image by TTA and WBF, in px of its frame (3.4)."""
    found = []
    for index in range(len(target)):
        found.append(
            pseudo_labels(lambda views: predict(detector, views), target.read(index), experiment.pseudo_labels)
        )
        progress((index + 1) / len(target))
    return found


def replace_labels(before: Sequence[Boxes], found: Sequence[Boxes], on_empty: str) -> tuple[list[Boxes], list[int]]:
    """The labels of the next epoch, and the indices of the images that take part in it.

    Boxes, scores and classes of an image are replaced together, so that it can gain cells as well as lose them.
    """
    keeps = on_empty == "keep"
    labels = [new if len(new) or not keeps else old for old, new in zip(before, found, strict=True)]
    taking_part = [index for index, new in enumerate(found) if len(new) or on_empty != "drop"]
    return labels, taking_part or list(range(len(found)))


def synthetic_frames(target: Frames, blur: Blur, margin: int, folder: Path) -> Frames:
    """The synthetic-like version of every image (3.5), computed once a cycle and written to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, boxes in enumerate(target.boxes):
        image = synthesise(target.read(index), boxes, blur, margin)
        paths.append(folder / f"{index:06d}.png")
        if not cv2.imwrite(str(paths[-1]), cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
            raise OSError(f"{paths[-1]}: could not be written")
    return target.with_paths(paths)
