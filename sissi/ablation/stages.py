"""Stages of an ablation as jobs, from plain settings and files to plain values.

Each stage runs in its own process (see `runtime.jobs`), so that variants are trained in parallel.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from sissi.ablation.branch import BranchTask
from sissi.ablation.detections import detect_branch
from sissi.ablation.epoch_log import log_cycle, log_labels
from sissi.ablation.reader_scores import score_branch
from sissi.boxes import Boxes, as_lists, make_boxes
from sissi.config import Experiment
from sissi.config.training import Background
from sissi.data.experiment_data import ExperimentData
from sissi.detector.model import build, save
from sissi.method.early_learning import train_trunk
from sissi.method.self_training import (
    Cycle,
    SelfTrainingSetup,
    predict_pseudo_labels,
    self_train,
    train_on_fixed_labels,
)
from sissi.method.trunk import Trunk
from sissi.runtime.cache import Entry
from sissi.runtime.device import device_of, peak_memory
from sissi.runtime.events import File, Metrics
from sissi.runtime.files import whole_file
from sissi.runtime.journal import Journal
from sissi.runtime.recorder import JournaledRecorder, Recorder, notify, progress_of
from sissi.training import checkpoint
from sissi.training.checkpoint import Checkpoints, epoch_of
from sissi.training.epoch import NonFiniteLoss
from sissi.training.teacher_student import TeacherStudent, make_teacher_student, new_teacher_student


def train_trunk_stage(
    experiment: Experiment, seed: int, data: ExperimentData, entry: Entry, recorder: Recorder
) -> Trunk:
    """Run phase 1, once for all variants.

    Args:
        experiment: all settings.
        seed: experiment seed.
        data: data of the experiment.
        entry: cache entry of the trunk.
        recorder: recorder of the events.
    """
    size = experiment.training.image_size
    target, source, validation = (data.resized(role, size) for role in ("target_train", "source_train", "source_val"))
    with entry.lock(partial(notify, recorder)), _keeping_bad_batch(entry, recorder):
        labels = Journal(entry.folder / "initial_labels")
        labels.truncate(0)
        boxes = [sample.boxes for sample in data.target_train]
        log_labels(experiment, data, boxes, 0, JournaledRecorder(labels, recorder))
        trained = train_trunk(
            experiment, seed, target, source, validation, entry.folder, device_of(experiment.runtime.device), recorder
        )
    costs = {"cost/wall_s": trained.wall, "cost/peak_memory_mb": peak_memory()}
    recorder.record(Metrics(costs, len(trained.checkpoints)))
    return trained


def train_trunk_again(
    experiment: Experiment, seed: int, data: ExperimentData, entry: Entry, recorder: Recorder
) -> Trunk:
    """Run phase 1 like `train_trunk_stage`, also for epochs whose checkpoint an earlier ablation did not keep."""
    Checkpoints(entry.folder).forget_thinned()
    return train_trunk_stage(experiment, seed, data, entry, recorder)


def thin_trunk(entry: Entry, kept: Sequence[Path], recorder: Recorder) -> None:
    """Delete the checkpoints of a trunk but some: it has one of each epoch, and all rows have ended.

    Args:
        entry: cache entry of the trunk.
        kept: checkpoints from which a row started, and the last one, from which a longer trunk goes on.
        recorder: recorder, which gets no event.
    """
    with entry.lock(partial(notify, recorder)):
        Checkpoints(entry.folder).thin({epoch_of(path) for path in kept})


def label_checkpoint(
    experiment: Experiment, data: ExperimentData, trained: Path, entry: Entry, recorder: Recorder
) -> None:
    """Compute the pseudo labels of a checkpoint, for all variants that leave the trunk there.

    The result of the entry contains the boxes of each target image, in px of the resized image.

    Args:
        experiment: all settings.
        data: data of the experiment.
        trained: checkpoint file of the trunk.
        entry: cache entry of the pseudo labels.
        recorder: recorder of the progress.
    """
    with entry.lock(partial(notify, recorder)):
        if entry.result is None:
            learner, _ = _resume(experiment, trained)
            epochs = experiment.last_epoch(corrects=True)
            epoch = epoch_of(trained)
            target = data.resized("target_train", experiment.training.image_size)
            predicted = predict_pseudo_labels(
                learner.teacher, target, experiment, progress_of(recorder, epoch, epochs, "labels")
            )
            entry.finish([as_lists(boxes) for boxes in predicted])


def train_branch(experiment: Experiment, data: ExperimentData, task: BranchTask, recorder: Recorder) -> bool:
    """Run phase 2, continuing after an interruption.

    Returns:
        Whether the branch was unfinished before.
    """
    with task.entry.lock(partial(notify, recorder)), _keeping_bad_batch(task.entry, recorder):
        journaled = JournaledRecorder(Journal(task.entry.folder / "journal"), recorder)
        unfinished = task.entry.result is None
        if unfinished:
            _train_branch(experiment, data, task, journaled)
            task.entry.finish("detector.pt")
        else:
            journaled.replay()
    return unfinished


def train_and_score_branch(
    experiment: Experiment, data: ExperimentData, task: BranchTask, scores: Entry, recorder: Recorder
) -> tuple[Path, dict[str, dict[str, float]]]:
    """Train a variant to its last epoch and score it; without readers, find the cells in the target training images.

    Args:
        experiment: all settings.
        data: data of the experiment.
        task: branch of the variant.
        scores: cache entry of the scores, or without readers of the detections.
        recorder: recorder of the events.

    Returns:
        File of the detector, and its metrics by reader.
    """
    train_branch(experiment, data, task, recorder)
    epoch = experiment.last_epoch(task.corrects)
    if not data.readers:
        detect_branch(experiment, data, task.model, epoch, scores, recorder)
        return task.model, {}
    return task.model, score_branch(experiment, data, task.model, epoch, scores, recorder)


def _train_branch(experiment: Experiment, data: ExperimentData, task: BranchTask, journaled: JournaledRecorder) -> None:
    """Train a branch with a checkpoint after every epoch; the last two are stored until the branch is finished."""
    started, busy = time.monotonic(), time.process_time()
    checkpoints = Checkpoints(task.entry.folder)
    labelled = {"weak": "target_train", "reference": "referenced", "corrected": "corrected"}[task.labels]
    roles = (labelled, "target_train", "source_train")
    first_set, target, source = (data.resized(role, experiment.training.image_size) for role in roles)
    latest = checkpoints.latest(partial(notify, journaled))
    epoch, notes = latest or (task.start if task.checkpoint else 0, {"journaled": 0, "wall": 0.0, "cpu": 0.0})
    journaled.journal.truncate(notes["journaled"])
    journaled.replay()
    before = checkpoints.path(epoch) if latest else task.checkpoint
    learner, tensors = (
        _resume(experiment, before)
        if before
        else (new_teacher_student(experiment, task.seed, device_of(experiment.runtime.device)), {})
    )
    labels = [make_boxes(*boxes) for boxes in tensors["labels"]] if latest else list(target.boxes)
    if task.labels != "weak":  # nothing is missing, so the background is background
        training = experiment.training.model_copy(update={"background": Background()})
        experiment = experiment.model_copy(update={"training": training})
    setup = SelfTrainingSetup(first_set, source, task.blur, experiment, task.seed)
    last = task.start if task.corrects else None
    cycles: Iterable[Cycle] = train_on_fixed_labels(learner, setup, epoch, len(target), journaled, last=last)
    if task.corrects:
        early = (replace(cycle, labels=labels) for cycle in cycles)
        predicted = None if latest else _shared_labels(experiment, data, task, journaled)
        whole = replace(setup, target=target)
        looks = _last_looks(tensors)
        cycles = chain(early, self_train(learner, whole, max(epoch, task.start), labels, predicted, journaled, looks))
    for cycle in cycles:
        learner = cycle.learner
        log_cycle(experiment, data, cycle, journaled)
        journaled.journal.sync()
        notes = {
            "journaled": len(journaled.journal),
            "wall": notes["wall"] + time.monotonic() - started,
            "cpu": notes["cpu"] + time.process_time() - busy,
        }
        started, busy = time.monotonic(), time.process_time()
        checkpoints.write(cycle.epoch, learner, notes, _tensors_of(cycle))
        checkpoints.remove(cycle.epoch - 2)
    costs = {"cost/wall_s": notes["wall"], "cost/cpu_s": notes["cpu"], "cost/peak_memory_mb": peak_memory()}
    journaled.record(Metrics(costs, experiment.last_epoch(task.corrects)))
    save(learner.teacher, task.model)
    checkpoints.clear()


def _tensors_of(cycle: Cycle) -> dict[str, Any]:
    """What the next epoch needs besides the learner."""
    tensors: dict[str, Any] = {"labels": [as_lists(boxes) for boxes in cycle.labels]}
    if cycle.predicted is not None:
        tensors["predicted"] = [as_lists(boxes) for boxes in cycle.predicted]
    return tensors


def _last_looks(tensors: Mapping[str, Any]) -> list[Boxes] | None:
    """What was found last in each image, if the checkpoint of an epoch has it."""
    return [make_boxes(*boxes) for boxes in tensors["predicted"]] if "predicted" in tensors else None


@contextmanager
def _keeping_bad_batch(entry: Entry, recorder: Recorder) -> Iterator[None]:
    """Store and record the batch of a loss that is NaN or infinite, for inspection."""
    try:
        yield
    except NonFiniteLoss as error:
        path = entry.folder / "bad_batch.pt"
        with whole_file(path) as file:
            torch.save({"images": error.batch.images, "targets": error.batch.targets}, file)
        recorder.record(File(path, "failure"))
        raise


def _shared_labels(
    experiment: Experiment, data: ExperimentData, task: BranchTask, recorder: Recorder
) -> list[Boxes] | None:
    """Pseudo labels of the trunk's checkpoint, computed if they are missing; None if they are not shared."""
    if task.first_labels is None or task.checkpoint is None:
        return None
    label_checkpoint(experiment, data, task.checkpoint, task.first_labels, recorder)
    return [make_boxes(*boxes) for boxes in task.first_labels.result]


def _resume(experiment: Experiment, path: Path) -> tuple[TeacherStudent, dict[str, Any]]:
    """Learner in the exact state of a checkpoint, and the other tensors of the checkpoint."""
    size, classes = experiment.training.image_size, experiment.class_names
    detector = build(experiment.detector.without_weights(), size, classes)
    detector.to(device_of(experiment.runtime.device))
    learner = make_teacher_student(detector, experiment.training)
    return learner, checkpoint.restore(path, learner)
