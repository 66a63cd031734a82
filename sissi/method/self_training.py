"""Phase 2, iterative self-training: algorithm 1 of the paper, a cycle an epoch (3.4, 3.5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sissi.boxes import Boxes
from sissi.config import Blur, Experiment
from sissi.data.resized import ResizedDataset
from sissi.detector.ignore_regions import split_by_score, with_ignore_regions
from sissi.detector.model import CellDetector, predict
from sissi.method.label_merging import confirmed, next_labels, trained_indices
from sissi.method.label_sizes import as_large_as
from sissi.method.pseudo_labels import pseudo_labels
from sissi.method.synthetic_dataset import synthetic_dataset
from sissi.runtime.recorder import OnProgress, Recorder, progress_of
from sissi.training.epoch import Losses, train_epoch
from sissi.training.mixed_batches import MixedBatches
from sissi.training.teacher_student import TeacherStudent, new_teacher_student


@dataclass(frozen=True, eq=False)
class SelfTrainingSetup:
    """What self-training works with, from its first cycle to its last.

    Attributes:
        target: target training images with their initial weak labels.
        source: source training images with clean labels.
        blur: of the background that labelled cells are cloned onto; None: the original images.
        experiment: all settings.
        seed: of batches and augmentation.
    """

    target: ResizedDataset
    source: ResizedDataset
    blur: Blur | None
    experiment: Experiment
    seed: int


@dataclass(frozen=True)
class Cycle:
    """An epoch that is over.

    Attributes:
        epoch: from 1 on, early learning included.
        learner: that was trained.
        labels: that it trained on, of every target image, in px of its frame.
        corrected: whether these were found for this epoch.
        losses: means over its batches.
    """

    epoch: int
    learner: TeacherStudent
    labels: list[Boxes]
    corrected: bool
    losses: Losses


def self_train(
    learner: TeacherStudent,
    setup: SelfTrainingSetup,
    start: int,
    labels: Sequence[Boxes],
    found: Sequence[Boxes] | None,
    recorder: Recorder,
) -> Iterator[Cycle]:
    """Algorithm 1: correct the labels, synthesise the images, train an epoch; until the last epoch.

    With `self_training.restart` a network with new weights then learns the last labels.

    Args:
        learner: as it was after epoch `start`; changed in place.
        course: data and settings.
        start: epochs that are over: of early learning or, after an interruption, of self-training too.
        labels: of epoch `start`, of every target image, in px of its frame.
        found: `correct` of this very learner where somebody has it already, else None.
        recorder: told the progress of every epoch.
    """
    experiment, current = setup.experiment, list(labels)
    epochs, settings = experiment.training.epochs, experiment.self_training
    rate = experiment.training.learning_rate * settings.learning_rate
    training = experiment.training.model_copy(update={"learning_rate": rate})
    last = experiment.last_epoch(corrects=True)
    for epoch in range(start + 1, epochs + 1):
        if found is None:
            found = correct(learner.teacher, setup.target, experiment, progress_of(recorder, epoch, last, "labels"))
        sure, ignored = zip(*(split_by_score(boxes, experiment) for boxes in found), strict=True)
        if experiment.pseudo_labels.size == "initial":
            sure = as_large_as(setup.target.boxes, sure, setup.target.width, setup.target.height)
        trusted = confirmed(setup.target.boxes, found, experiment.pseudo_labels)
        current, kept = next_labels(trusted, current, sure, experiment.pseudo_labels)
        corrected = setup.target.with_boxes(list(map(with_ignore_regions, current, ignored))).take(kept)
        if setup.blur is not None:
            corrected = synthetic_dataset(corrected, setup.blur, experiment.synthetic_images, setup.seed, epoch)
        batches = MixedBatches(corrected, setup.source if settings.mixed else corrected, training)
        losses = train_epoch(learner, batches, setup.seed, epoch, progress_of(recorder, epoch, last, "training"))
        yield Cycle(epoch, learner, current, True, losses)
        found = None
    if settings.restart:
        second = learner if start > epochs else new_teacher_student(experiment, setup.seed, str(learner.student.device))
        yield from _train_anew(second, setup, max(start, epochs), current, recorder)


def _train_anew(
    learner: TeacherStudent, setup: SelfTrainingSetup, start: int, labels: list[Boxes], recorder: Recorder
) -> Iterator[Cycle]:
    """The epochs after `start` of a second network; it learns the labels of the last epoch of the first one."""
    experiment, before = setup.experiment, setup.experiment.training.epochs
    taught = setup.target.with_boxes(labels).take(trained_indices(labels, experiment.pseudo_labels))
    source = setup.source if experiment.self_training.mixed else taught
    setup = replace(setup, target=taught, source=source)
    for cycle in train_on_initial_labels(learner, setup, start - before, len(taught), recorder, before):
        yield replace(cycle, labels=labels)  # with those of images that sit out


def train_on_initial_labels(
    learner: TeacherStudent, setup: SelfTrainingSetup, start: int, images: int, recorder: Recorder, before: int = 0
) -> Iterator[Cycle]:
    """Go on as in early learning after epoch `start`, to the last epoch: the reference rows without correction.

    Args:
        learner: as it was after epoch `start`; changed in place.
        course: data and settings; its blur is ignored.
        start: epochs that are over.
        images: how many target images make an epoch, so that rows with fewer of them train for as many iterations.
        recorder: told the progress of every epoch.
        before: epochs of another network that count as well where an epoch is told.
    """
    epochs = setup.experiment.training.epochs
    batches = MixedBatches(setup.target, setup.source, setup.experiment.training, images)
    for epoch in range(start + 1, epochs + 1):
        progress = progress_of(recorder, before + epoch, before + epochs, "training")
        losses = train_epoch(learner, batches, setup.seed, epoch, progress)
        yield Cycle(before + epoch, learner, list(setup.target.boxes), False, losses)


def correct(
    detector: CellDetector, target: ResizedDataset, experiment: Experiment, progress: OnProgress
) -> list[Boxes]:
    """What the detector finds in every target image by TTA and WBF, in px of its frame (3.4).

    Also those that are less sure than a label has to be, where the settings have a use for them.
    """
    settings = experiment.pseudo_labels.model_copy(update={"score": experiment.lowest_score})
    found = []
    for [image] in target.batches(1, experiment.training.workers):
        found.append(pseudo_labels(lambda views: predict(detector, views), image, settings))
        progress(len(found) / len(target))
    return found
