"""Phase 2, iterative self-training: algorithm 1 of the paper, one cycle per epoch (3.4, 3.5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sissi.boxes import EMPTY, Boxes, make_boxes, with_ignore_regions
from sissi.config import Blur, Experiment, PseudoLabels
from sissi.config.correction import BoxLoss
from sissi.data.resized import ResizedDataset
from sissi.detector.ignore_regions import split_by_score
from sissi.detector.model import CellDetector, predict_each_class
from sissi.evaluation.label_trust import LabelTrust, estimate_trust
from sissi.method.label_merging import confirmed, next_labels, trained_indices
from sissi.method.label_sizes import as_large_as
from sissi.method.looks import look_again
from sissi.method.pseudo_labels import Image, pseudo_labels
from sissi.method.synthetic_dataset import synthetic_dataset
from sissi.runtime.recorder import OnProgress, Recorder, progress_of
from sissi.training.epoch import Losses, train_epoch
from sissi.training.mixed_batches import MixedBatches
from sissi.training.teacher_student import TeacherStudent, new_teacher_student

LESS_THAN_GIVEN = np.nextafter(np.float32(1), np.float32(0))
"""Highest score of a pseudo label; initial labels have 1."""


@dataclass(frozen=True, eq=False)
class SelfTrainingSetup:
    """Data and settings of self-training, the same for all cycles.

    Attributes:
        target: target training images with their initial weak labels, or those that a person corrected.
        source: source training images with clean labels.
        blur: blur of the background of synthetic-like images; None: original images.
        experiment: all settings.
        seed: experiment seed, for batches and augmentation.
    """

    target: ResizedDataset
    source: ResizedDataset
    blur: Blur | None
    experiment: Experiment
    seed: int


@dataclass(frozen=True)
class Cycle:
    """Finished epoch.

    Attributes:
        epoch: number of the epoch, from 1 on, early learning included.
        learner: trained learner.
        labels: labels of every target image in this epoch, in px of the resized image.
        corrected: whether the labels were corrected in this epoch.
        losses: means over the batches of this epoch.
        trust: estimate by which scores were calibrated; None: they were not.
        predicted: what was found in each target image, where settled images are looked at by few views; else None.
    """

    epoch: int
    learner: TeacherStudent
    labels: list[Boxes]
    corrected: bool
    losses: Losses
    trust: LabelTrust | None = None
    predicted: Sequence[Boxes] | None = None


def self_train(
    learner: TeacherStudent,
    setup: SelfTrainingSetup,
    start: int,
    labels: Sequence[Boxes],
    predicted: Sequence[Boxes] | None,
    recorder: Recorder,
    last_looks: Sequence[Boxes] | None = None,
) -> Iterator[Cycle]:
    """Algorithm 1: in each epoch, correct the labels, synthesise the images, and train, until the last epoch.

    With `self_training.restart`, a network with new weights is then trained on the last labels.

    Args:
        learner: learner in its state after epoch `start`; changed in place.
        setup: data and settings.
        start: number of finished epochs: of early learning and, after an interruption, of self-training.
        labels: labels of every target image in epoch `start`, in px of the resized image.
        predicted: result of `predict_pseudo_labels` for this learner, if it is already known, else None.
        recorder: recorder of the progress of every epoch.
        last_looks: `Cycle.predicted` of epoch `start`; None: there was no correction yet, or no image settles.

    Yields:
        Each finished epoch.
    """
    experiment, current = setup.experiment, list(labels)
    epochs, settings = experiment.training.epochs, experiment.self_training
    rate = experiment.training.learning_rate * settings.learning_rate
    training = experiment.training.model_copy(update={"learning_rate": rate})
    last = experiment.last_epoch(corrects=True)
    for epoch in range(start + 1, epochs + 1):
        if predicted is None:
            progress = progress_of(recorder, epoch, last, "labels")
            predicted = predict_pseudo_labels(learner.teacher, setup.target, experiment, progress, last_looks)
        if experiment.pseudo_labels.settled is not None:
            last_looks = predicted
        trust = None
        if experiment.pseudo_labels.calibrate:
            predicted, trust = calibrated(predicted, setup.target, experiment.pseudo_labels)
        pseudo, ignored = zip(*(split_by_score(boxes, experiment) for boxes in predicted), strict=True)
        if experiment.pseudo_labels.size == "initial":
            pseudo = as_large_as(setup.target.boxes, pseudo, setup.target.width, setup.target.height)
        initial = confirmed(setup.target.boxes, predicted, experiment.pseudo_labels)
        current, trained = next_labels(initial, current, pseudo, experiment.pseudo_labels)
        current, doubtful, trained = _with_corrections(current, ignored, trained, setup.target)
        corrected = setup.target.with_boxes(list(map(with_ignore_regions, current, doubtful))).take(trained)
        if setup.blur is not None:
            corrected = synthetic_dataset(corrected, setup.blur, experiment.synthetic_images, setup.seed, epoch)
        source = setup.source if settings.mixed else corrected
        batches = MixedBatches(corrected, source, training, None, settings.box_loss)
        losses = train_epoch(learner, batches, setup.seed, epoch, progress_of(recorder, epoch, last, "training"))
        yield Cycle(epoch, learner, current, True, losses, trust, last_looks)
        predicted = None
    if settings.restart:
        second = learner if start > epochs else new_teacher_student(experiment, setup.seed, str(learner.student.device))
        yield from _train_second(second, setup, max(start, epochs), current, recorder)


def _with_corrections(
    labels: Sequence[Boxes], ignored: Sequence[Boxes], trained: Sequence[int], target: ResizedDataset
) -> tuple[list[Boxes], list[Boxes], list[int]]:
    """Labels and ignore regions of a cycle, and the images to train on, with corrected images as a person left them."""
    kept = set(target.corrected)
    labels = [target.boxes[index] if index in kept else boxes for index, boxes in enumerate(labels)]
    ignored = [EMPTY if index in kept else boxes for index, boxes in enumerate(ignored)]
    return labels, ignored, sorted(kept.union(trained))


def _train_second(
    learner: TeacherStudent, setup: SelfTrainingSetup, start: int, labels: list[Boxes], recorder: Recorder
) -> Iterator[Cycle]:
    """Train the epochs after `start` of a second network on the last labels of the first network."""
    experiment, before = setup.experiment, setup.experiment.training.epochs
    trained = trained_indices(labels, experiment.pseudo_labels)
    target = setup.target.with_boxes(labels).take(sorted({*trained, *setup.target.corrected}))
    source = setup.source if experiment.self_training.mixed else target
    setup = replace(setup, target=target, source=source)
    box_loss = experiment.self_training.box_loss
    for cycle in train_on_fixed_labels(learner, setup, start - before, len(target), recorder, before, box_loss):
        yield replace(cycle, labels=labels)  # with the labels of images that are left out of the training


def train_on_fixed_labels(
    learner: TeacherStudent,
    setup: SelfTrainingSetup,
    start: int,
    images: int,
    recorder: Recorder,
    before: int = 0,
    box_loss: BoxLoss = "all",
    last: int | None = None,
) -> Iterator[Cycle]:
    """Train on labels that do not change, after epoch `start` to the last epoch.

    These are the initial or the reference labels of a row without correction, or, for a second network, the corrected
    ones.

    Args:
        learner: learner in its state after epoch `start`; changed in place.
        setup: data and settings; its blur is not used.
        start: number of finished epochs.
        images: number of target images per epoch, so that rows with fewer images have the same number of iterations.
        recorder: recorder of the progress of every epoch.
        before: number of epochs of an earlier network, which is added to the numbers of epochs.
        box_loss: labels that count in the loss of the boxes; those of a row without correction all do.
        last: epoch after which correction starts; None: it never does.

    Yields:
        Each finished epoch.
    """
    epochs = setup.experiment.training.epochs
    batches = MixedBatches(setup.target, setup.source, setup.experiment.training, images, box_loss)
    for epoch in range(start + 1, (epochs if last is None else last) + 1):
        progress = progress_of(recorder, before + epoch, before + epochs, "training")
        losses = train_epoch(learner, batches, setup.seed, epoch, progress)
        yield Cycle(before + epoch, learner, list(setup.target.boxes), False, losses)


def calibrated(
    predicted: Sequence[Boxes], target: ResizedDataset, settings: PseudoLabels
) -> tuple[list[Boxes], LabelTrust]:
    """Predicted boxes with the probability that they are a cell as their score, and the estimate of it.

    Args:
        predicted: boxes of each target image down to low scores.
        target: target training images with their initial weak labels, or corrected ones.
        settings: smallest IoU of a box with the initial label of the same cell, and how the border is judged.
    """
    uniform = settings.border_recall == "uniform"
    size = target.height, target.width
    trust = estimate_trust(predicted, target.boxes, *size, settings.wbf_iou, target.corrected, uniform=uniform)
    found = [
        make_boxes(boxes.xyxy, np.minimum(probability, LESS_THAN_GIVEN), boxes.labels)
        for boxes, probability in zip(predicted, trust.probabilities, strict=True)
    ]
    return found, trust


def predict_pseudo_labels(
    detector: CellDetector,
    target: ResizedDataset,
    experiment: Experiment,
    progress: OnProgress,
    last_looks: Sequence[Boxes] | None = None,
) -> list[Boxes]:
    """Predict boxes for every target image in all views of test-time augmentation, and fuse them (3.4).

    Boxes below the score of a pseudo label are included if the settings use them: see `Experiment.lowest_score`.

    Args:
        detector: detector of the predictions.
        target: target training images with their initial weak labels, which vote on classes.
        experiment: all settings.
        progress: function that is called after each image with the finished fraction.
        last_looks: what was found in each image last, by which images are settled; None: all views look at all.

    Returns:
        Boxes of each image, in px of the resized image.
    """
    settings = experiment.pseudo_labels.model_copy(update={"score": experiment.lowest_score})
    predicted: list[Boxes] = []

    def predict(images: Sequence[Image]) -> list[Boxes]:
        return predict_each_class(detector, images)

    for [image], initial in zip(target.batches(1, experiment.training.workers), target.boxes, strict=True):
        if last_looks is None:
            found = pseudo_labels(predict, image, settings, initial)
        else:
            found = look_again(predict, image, settings, initial, last_looks[len(predicted)], experiment)
        predicted.append(found)
        progress(len(predicted) / len(target))
    return predicted
