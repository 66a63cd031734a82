"""Phase 1, early learning: the trunk that all variants share (3.2, 3.3).

Mixed batches with the initial weak labels; after each epoch a checkpoint and a point on the two curves that decide
where correction starts.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sissi.config import Experiment
from sissi.data.resized import ResizedDataset
from sissi.detector.model import predict_dataset
from sissi.evaluation import metrics
from sissi.runtime.events import Metrics
from sissi.runtime.journal import Journal
from sissi.runtime.recorder import JournaledRecorder, Recorder, notify, progress_of
from sissi.training import checkpoint
from sissi.training.checkpoint import Checkpoints, Tell
from sissi.training.epoch import mean_losses, train_epoch
from sissi.training.mixed_batches import MixedBatches
from sissi.training.teacher_student import new_teacher_student


@dataclass(frozen=True)
class Trunk:
    """What early learning leaves behind.

    Attributes:
        checkpoints: the file of epoch 1, 2, ...
        ap50: on the target training images against their initial labels, in [0, 1], of each epoch.
        validation_loss: on the source validation images, of each epoch.
        wall: time that it took, in seconds.
    """

    checkpoints: tuple[Path, ...]
    ap50: tuple[float, ...]
    validation_loss: tuple[float, ...]
    wall: float


def train_trunk(
    experiment: Experiment,
    seed: int,
    target: ResizedDataset,
    source: ResizedDataset,
    validation: ResizedDataset,
    folder: Path,
    device: str,
    recorder: Recorder,
) -> Trunk:
    """Train on the initial labels for `early_learning.max_epochs` epochs, from the last one that the folder holds.

    Args:
        experiment: all settings.
        seed: of the weights, of every batch and of every augmentation.
        target: target training images with their initial weak labels.
        source: source training images with clean labels.
        validation: source validation images.
        folder: where the checkpoints and the journal are.
        device: torch's name of it.
        recorder: takes each epoch's losses and curve points.
    """
    settings, last = experiment.training, experiment.early_learning.max_epochs
    learner = new_teacher_student(experiment, seed, device)
    checkpoints, journaled = Checkpoints(folder), JournaledRecorder(Journal(folder / "journal"), recorder)
    points = _points_so_far(checkpoints, last, partial(notify, recorder))
    journaled.replay(points[-1]["journaled"] if points else 0)
    if len(points) < last:
        journaled.journal.truncate(points[-1]["journaled"] if points else 0)
        if points:
            checkpoint.restore(checkpoints.path(len(points)), learner)
    batches = MixedBatches(target, source, settings)
    for epoch in range(len(points) + 1, last + 1):
        begun = time.monotonic()
        trained = train_epoch(learner, batches, seed, epoch, progress_of(recorder, epoch, settings.epochs, "training"))
        loss = mean_losses(learner.teacher, validation, settings.source_batch, settings.workers)["loss"]
        found = predict_dataset(learner.teacher, target, workers=settings.workers)
        ap50 = metrics.ap50(found, target.boxes)
        values = {f"train/{name}": value for name, value in trained.items()}
        journaled.record(Metrics(values | {"source_val/loss": loss, "weak_labels/AP50": ap50}, epoch))
        journaled.journal.sync()
        wall = time.monotonic() - begun + (points[-1]["wall"] if points else 0.0)
        points.append({"loss": loss, "ap50": ap50, "wall": wall, "journaled": len(journaled.journal)})
        checkpoints.write(epoch, learner, points[-1], {})
    return Trunk(
        tuple(checkpoints.path(epoch) for epoch in range(1, last + 1)),
        tuple(point["ap50"] for point in points),
        tuple(point["loss"] for point in points),
        points[-1]["wall"],
    )


def _points_so_far(checkpoints: Checkpoints, last: int, tell: Tell) -> list[dict[str, Any]]:
    """The notes of the epochs 1, 2, ... that are there in one piece, at most up to the last one that is wanted."""
    found = (checkpoints.notes(epoch, tell) for epoch in range(1, last + 1))
    return [notes for notes in itertools.takewhile(lambda notes: notes is not None, found) if notes]
