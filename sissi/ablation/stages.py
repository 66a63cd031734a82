"""The stages of an ablation as jobs: each takes plain settings and files, and returns plain values.

They run in processes of their own (see `jobs`), so that variants train side by side.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from sissi.ablation.branch import Branch
from sissi.ablation.epoch_log import tell_cycle, tell_labels
from sissi.ablation.reader_scores import scores
from sissi.boxes import Boxes, as_lists, make_boxes
from sissi.config import Experiment
from sissi.data.experiment_data import DataSets
from sissi.detector.model import build, save
from sissi.method.early_learning import Trunk, train_trunk
from sissi.method.self_training import Course, correct, self_train, train_on_initial_labels
from sissi.runtime.cache import Entry
from sissi.runtime.device import device_of, peak_memory
from sissi.runtime.files import whole_file
from sissi.runtime.journal import Journal
from sissi.runtime.recorder import Kept, Recorder, progress_of
from sissi.training import checkpoint
from sissi.training.checkpoint import Checkpoints
from sissi.training.epoch import NonFiniteLoss
from sissi.training.teacher_student import Learner, make_learner, new_learner


def trunk(experiment: Experiment, seed: int, data: DataSets, entry: Entry, record: Recorder) -> Trunk:
    """Phase 1, once for all variants."""
    size = experiment.training.image_size
    target, source, validation = (data.frames(name, size) for name in ("target", "source", "validation"))
    with entry.lock(record.say), _keeping_bad_batch(entry, record):
        tell_labels(experiment, data, [sample.boxes for sample in data.target], 0, record)
        trained = train_trunk(
            experiment, seed, target, source, validation, entry.folder, device_of(experiment.runtime.device), record
        )
    record.metrics({"cost/wall_s": trained.wall, "cost/peak_memory_mb": peak_memory()}, len(trained.checkpoints))
    return trained


def first_labels(experiment: Experiment, data: DataSets, trained: Path, entry: Entry, record: Recorder) -> None:
    """The pseudo labels of a checkpoint, for all variants that leave the trunk there; in px of frames."""
    with entry.lock(record.say):
        if entry.result is None:
            learner, _ = _resume(experiment, trained)
            epochs = experiment.last_epoch(corrects=True)
            epoch = int(trained.stem.removeprefix("epoch_"))
            target = data.frames("target", experiment.training.image_size)
            found = correct(learner.teacher, target, experiment, progress_of(record, epoch, epochs, "labels"))
            entry.finish([as_lists(boxes) for boxes in found])


def branch(experiment: Experiment, data: DataSets, task: Branch, record: Recorder) -> bool:
    """Phase 2, from where it was interrupted if it was; whether there was anything left to train."""
    with task.entry.lock(record.say), _keeping_bad_batch(task.entry, record):
        told = Kept(Journal(task.entry.folder / "journal"), record)
        unfinished = task.entry.result is None
        if unfinished:
            _train_branch(experiment, data, task, told)
            task.entry.finish("detector.pt")
        else:
            told.say_again()
    return unfinished


def branch_and_scores(
    experiment: Experiment, data: DataSets, task: Branch, place: Entry, record: Recorder
) -> tuple[Path, dict[str, dict[str, float]]]:
    """A variant to its end: the file of the detector, and its metrics for each reader."""
    branch(experiment, data, task, record)
    return task.model, scores(experiment, data, task.model, experiment.last_epoch(task.corrects), place, record)


def _train_branch(experiment: Experiment, data: DataSets, task: Branch, told: Kept) -> None:
    """Every epoch leaves a checkpoint; the last two are kept until the branch is at its end."""
    begun = time.monotonic()
    checkpoints = Checkpoints(task.entry.folder)
    labelled = "referenced" if task.labels == "reference" else "target"
    target, source = (data.frames(role, experiment.training.image_size) for role in (labelled, "source"))
    reached = checkpoints.latest(told.say)
    epoch, notes = reached or (task.start, {"told": 0, "wall": 0.0})
    told.journal.truncate(notes["told"])
    told.say_again()
    before = checkpoints.path(epoch) if reached else task.checkpoint
    learner, tensors = (
        _resume(experiment, before)
        if before
        else (new_learner(experiment, task.seed, device_of(experiment.runtime.device)), {})
    )
    labels = [make_boxes(*boxes) for boxes in tensors["labels"]] if reached else list(target.boxes)
    course = Course(target, source, task.blur, experiment, task.seed)
    if task.corrects:
        found = None if reached else _shared_labels(experiment, data, task, told)
        cycles = self_train(learner, course, epoch, labels, found, told)
    else:
        cycles = train_on_initial_labels(learner, course, epoch, len(data.target), told)
    for cycle in cycles:
        learner = cycle.learner
        tell_cycle(experiment, data, cycle, told)
        told.journal.sync()
        notes = {"told": len(told.journal), "wall": notes["wall"] + time.monotonic() - begun}
        begun = time.monotonic()
        checkpoints.write(cycle.epoch, learner, notes, {"labels": [as_lists(boxes) for boxes in cycle.labels]})
        checkpoints.forget(cycle.epoch - 2)
    costs = {"cost/wall_s": notes["wall"], "cost/peak_memory_mb": peak_memory()}
    told.metrics(costs, experiment.last_epoch(task.corrects))
    save(learner.teacher, task.model)
    checkpoints.clear()


@contextmanager
def _keeping_bad_batch(entry: Entry, record: Recorder) -> Iterator[None]:
    """Save the batch that made a loss no number, where it can be looked at."""
    try:
        yield
    except NonFiniteLoss as error:
        path = entry.folder / "bad_batch.pt"
        with whole_file(path) as file:
            torch.save({"images": error.batch.images, "targets": error.batch.targets}, file)
        record.file(path, "failure")
        raise


def _shared_labels(experiment: Experiment, data: DataSets, task: Branch, record: Recorder) -> list[Boxes] | None:
    """The pseudo labels of the trunk's checkpoint, made now if nobody has made them."""
    if task.first_labels is None or task.checkpoint is None:
        return None
    first_labels(experiment, data, task.checkpoint, task.first_labels, record)
    return [make_boxes(*boxes) for boxes in task.first_labels.result]


def _resume(experiment: Experiment, path: Path) -> tuple[Learner, dict[str, Any]]:
    """A learner as it was at a checkpoint, bit by bit, and what else was kept there."""
    blank = experiment.detector.model_copy(update={"weights": "none"})
    detector = build(blank, experiment.training.image_size)
    detector.to(device_of(experiment.runtime.device))
    learner = make_learner(detector, experiment.training)
    return learner, checkpoint.restore(path, learner)
