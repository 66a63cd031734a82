"""Phase 1, early learning: the trunk that all variants share (3.2, 3.3).

The trunk is trained on mixed batches with the initial weak labels. Each epoch ends with a checkpoint and a point of the
two curves that determine where correction starts.
"""

from __future__ import annotations

import itertools
import math
import time
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from sissi.config import Experiment
from sissi.data.resized import ResizedDataset
from sissi.detector.model import predict_dataset
from sissi.evaluation import metrics
from sissi.method.trunk import Trunk
from sissi.runtime.events import Metrics
from sissi.runtime.journal import Journal
from sissi.runtime.recorder import JournaledRecorder, Recorder, notify, progress_of
from sissi.training import checkpoint
from sissi.training.checkpoint import Checkpoints, Notify
from sissi.training.epoch import mean_losses, train_epoch
from sissi.training.mixed_batches import MixedBatches
from sissi.training.teacher_student import new_teacher_student


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
    """Train on the initial labels for `early_learning.max_epochs` epochs, continuing from the last stored epoch.

    Args:
        experiment: all settings.
        seed: experiment seed, for the weights, the batches and the augmentation.
        target: target training images with their initial weak labels.
        source: source training images with clean labels.
        validation: source validation images.
        folder: folder of the checkpoints and the journal.
        device: torch's name of the device.
        recorder: recorder of the losses and curve points of each epoch.
    """
    settings, last = experiment.training, experiment.early_learning.max_epochs
    learner = new_teacher_student(experiment, seed, device)
    checkpoints, journaled = Checkpoints(folder), JournaledRecorder(Journal(folder / "journal"), recorder)
    points = _points_so_far(checkpoints, last, partial(notify, recorder))
    journaled.replay(points[-1]["journaled"] if points else 0)
    while points and len(points) < last and not checkpoints.path(len(points)).exists():
        points.pop()  # its checkpoint was not kept, and training goes on from here
    if len(points) < last:
        journaled.journal.truncate(points[-1]["journaled"] if points else 0)
        if points:
            checkpoint.restore(checkpoints.path(len(points)), learner)
    batches = MixedBatches(target, source, settings)
    for epoch in range(len(points) + 1, last + 1):
        started = time.monotonic()
        trained = train_epoch(learner, batches, seed, epoch, progress_of(recorder, epoch, settings.epochs, "training"))
        loss = mean_losses(learner.teacher, validation, settings.source_batch, settings.workers)["loss"]
        predicted = predict_dataset(learner.teacher, target, workers=settings.workers)
        of_classes = metrics.class_ap50(predicted, target.boxes, len(experiment.class_names))
        known = [value for value in of_classes if not math.isnan(value)]
        ap50 = fmean(known) if known else 0.0
        values = {f"train/{name}": value for name, value in trained.items()}
        values |= {"source_val/loss": loss, "weak_labels/AP50": ap50}
        if len(of_classes) > 1:
            named = zip(experiment.class_names, of_classes, strict=True)
            values |= {f"weak_labels/{name}/AP50": value for name, value in named if not math.isnan(value)}
        journaled.record(Metrics(values, epoch))
        journaled.journal.sync()
        wall = time.monotonic() - started + (points[-1]["wall"] if points else 0.0)
        points.append(
            {"loss": loss, "ap50": ap50, "class_ap50": known, "wall": wall, "journaled": len(journaled.journal)}
        )
        checkpoints.write(epoch, learner, points[-1], {})
    return Trunk(
        tuple(checkpoints.path(epoch) for epoch in range(1, last + 1)),
        tuple(point["ap50"] for point in points),
        tuple(point["loss"] for point in points),
        points[-1]["wall"],
        tuple(tuple(point["class_ap50"]) for point in points),
    )


def _points_so_far(checkpoints: Checkpoints, last: int, notify: Notify) -> list[dict[str, Any]]:
    """Notes of the epochs 1, 2, ... with undamaged checkpoints, without gaps and at most up to the last epoch."""
    stored = (checkpoints.notes(epoch, notify) for epoch in range(1, last + 1))
    return [notes for notes in itertools.takewhile(lambda notes: notes is not None, stored) if notes]
