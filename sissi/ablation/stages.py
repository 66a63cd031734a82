"""The stages of an ablation as jobs: each takes plain settings and files, and returns plain values.

They run in processes of their own (see `jobs`), so that variants train side by side.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from sissi.ablation.branch import BranchTask
from sissi.ablation.epoch_log import log_cycle, log_labels
from sissi.ablation.reader_scores import score_branch
from sissi.boxes import Boxes, as_lists, make_boxes
from sissi.config import Experiment
from sissi.data.experiment_data import ExperimentData
from sissi.detector.model import build, save
from sissi.method.early_learning import Trunk, train_trunk
from sissi.method.self_training import SelfTrainingSetup, correct, self_train, train_on_initial_labels
from sissi.runtime.cache import Entry
from sissi.runtime.device import device_of, peak_memory
from sissi.runtime.events import File, Metrics
from sissi.runtime.files import whole_file
from sissi.runtime.journal import Journal
from sissi.runtime.recorder import JournaledRecorder, Recorder, notify, progress_of
from sissi.training import checkpoint
from sissi.training.checkpoint import Checkpoints
from sissi.training.epoch import NonFiniteLoss
from sissi.training.teacher_student import TeacherStudent, make_teacher_student, new_teacher_student


def train_trunk_stage(
    experiment: Experiment, seed: int, data: ExperimentData, entry: Entry, recorder: Recorder
) -> Trunk:
    """Phase 1, once for all variants."""
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


def label_checkpoint(
    experiment: Experiment, data: ExperimentData, trained: Path, entry: Entry, recorder: Recorder
) -> None:
    """The pseudo labels of a checkpoint, for all variants that leave the trunk there; in px of frames."""
    with entry.lock(partial(notify, recorder)):
        if entry.result is None:
            learner, _ = _resume(experiment, trained)
            epochs = experiment.last_epoch(corrects=True)
            epoch = int(trained.stem.removeprefix("epoch_"))
            target = data.resized("target_train", experiment.training.image_size)
            found = correct(learner.teacher, target, experiment, progress_of(recorder, epoch, epochs, "labels"))
            entry.finish([as_lists(boxes) for boxes in found])


def train_branch(experiment: Experiment, data: ExperimentData, task: BranchTask, recorder: Recorder) -> bool:
    """Phase 2, from where it was interrupted if it was; whether there was anything left to train."""
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
    experiment: Experiment, data: ExperimentData, task: BranchTask, place: Entry, recorder: Recorder
) -> tuple[Path, dict[str, dict[str, float]]]:
    """A variant to its end: the file of the detector, and its metrics for each reader."""
    train_branch(experiment, data, task, recorder)
    return task.model, score_branch(experiment, data, task.model, experiment.last_epoch(task.corrects), place, recorder)


def _train_branch(experiment: Experiment, data: ExperimentData, task: BranchTask, journaled: JournaledRecorder) -> None:
    """Every epoch leaves a checkpoint; the last two are kept until the branch is at its end."""
    begun = time.monotonic()
    checkpoints = Checkpoints(task.entry.folder)
    labelled = "referenced" if task.labels == "reference" else "target_train"
    target, source = (data.resized(role, experiment.training.image_size) for role in (labelled, "source_train"))
    reached = checkpoints.latest(partial(notify, journaled))
    epoch, notes = reached or (task.start, {"journaled": 0, "wall": 0.0})
    journaled.journal.truncate(notes["journaled"])
    journaled.replay()
    before = checkpoints.path(epoch) if reached else task.checkpoint
    learner, tensors = (
        _resume(experiment, before)
        if before
        else (new_teacher_student(experiment, task.seed, device_of(experiment.runtime.device)), {})
    )
    labels = [make_boxes(*boxes) for boxes in tensors["labels"]] if reached else list(target.boxes)
    setup = SelfTrainingSetup(target, source, task.blur, experiment, task.seed)
    if task.corrects:
        found = None if reached else _shared_labels(experiment, data, task, journaled)
        cycles = self_train(learner, setup, epoch, labels, found, journaled)
    else:
        cycles = train_on_initial_labels(learner, setup, epoch, len(data.target_train), journaled)
    for cycle in cycles:
        learner = cycle.learner
        log_cycle(experiment, data, cycle, journaled)
        journaled.journal.sync()
        notes = {"journaled": len(journaled.journal), "wall": notes["wall"] + time.monotonic() - begun}
        begun = time.monotonic()
        checkpoints.write(cycle.epoch, learner, notes, {"labels": [as_lists(boxes) for boxes in cycle.labels]})
        checkpoints.remove(cycle.epoch - 2)
    costs = {"cost/wall_s": notes["wall"], "cost/peak_memory_mb": peak_memory()}
    journaled.record(Metrics(costs, experiment.last_epoch(task.corrects)))
    save(learner.teacher, task.model)
    checkpoints.clear()


@contextmanager
def _keeping_bad_batch(entry: Entry, recorder: Recorder) -> Iterator[None]:
    """Save the batch that made a loss no number, where it can be looked at."""
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
    """The pseudo labels of the trunk's checkpoint, made now if nobody has made them."""
    if task.first_labels is None or task.checkpoint is None:
        return None
    label_checkpoint(experiment, data, task.checkpoint, task.first_labels, recorder)
    return [make_boxes(*boxes) for boxes in task.first_labels.result]


def _resume(experiment: Experiment, path: Path) -> tuple[TeacherStudent, dict[str, Any]]:
    """A learner as it was at a checkpoint, bit by bit, and what else was kept there."""
    blank = experiment.detector.model_copy(update={"weights": "none"})
    detector = build(blank, experiment.training.image_size)
    detector.to(device_of(experiment.runtime.device))
    learner = make_teacher_student(detector, experiment.training)
    return learner, checkpoint.restore(path, learner)
