"""Phase 1, early learning: the trunk that all variants share (3.2, 3.3).

Mixed batches with the initial weak labels; after each epoch a checkpoint and a point on the two curves that decide
where correction starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sissi import checkpoint, evaluation
from sissi.data.frames import Frames
from sissi.deceleration import StartPoint, adele_start, validation_loss_start
from sissi.detector import build, predict_frames
from sissi.learner import Learner, make_learner
from sissi.mixed_batches import MixedBatches
from sissi.randomness import seed_torch
from sissi.records import OnEpoch, Recorder, progress_of
from sissi.settings import Experiment
from sissi.training import mean_losses, train_epoch


@dataclass(frozen=True)
class Trunk:
    """What early learning leaves behind.

    Attributes:
        checkpoints: the file of epoch 1, 2, ...
        ap50: on the target training images against their initial labels, in [0, 1], of each epoch.
        validation_loss: on the source validation images, of each epoch.
    """

    checkpoints: tuple[Path, ...]
    ap50: tuple[float, ...]
    validation_loss: tuple[float, ...]


def train_trunk(
    experiment: Experiment,
    seed: int,
    target: Frames,
    source: Frames,
    validation: Frames,
    folder: Path,
    device: str,
    record: Recorder,
) -> Trunk:
    """Train on the initial labels for `early_learning.max_epochs` epochs.

    Args:
        experiment: all settings.
        seed: of the weights, of every batch and of every augmentation.
        target: target training images with their initial weak labels.
        source: source training images with clean labels.
        validation: source validation images.
        folder: where the checkpoints are written.
        device: torch's name of it.
        record: told each epoch's losses and curve points.
    """
    settings = experiment.training
    seed_torch(seed, "weights")
    detector = build(experiment.detector, settings.image_size)
    detector.network.to(device)
    learner = make_learner(detector, settings)
    batches = MixedBatches(target, source, settings)
    checkpoints, curve, losses = [], [], []
    for epoch in range(1, experiment.early_learning.max_epochs + 1):
        progress = progress_of(record, epoch, settings.epochs, "training")
        trained = train_epoch(learner, batches, seed, epoch, progress)
        losses.append(mean_losses(learner.teacher, validation, settings.source_batch)["loss"])
        curve.append(evaluation.ap50(predict_frames(learner.teacher, target), target.boxes))
        record.metrics(
            {f"train/{name}": value for name, value in trained.items()}
            | {"source_val/loss": losses[-1], "weak_labels/AP50": curve[-1]},
            epoch,
        )
        checkpoints.append(folder / f"epoch_{epoch:03d}.pt")
        checkpoint.write(checkpoints[-1], learner, epoch)
    return Trunk(tuple(checkpoints), tuple(curve), tuple(losses))


def start_point(rule: str, trunk: Trunk, experiment: Experiment) -> StartPoint:
    """Where a variant's correction starts: the `start` of its row of table 1."""
    if rule == "adele":
        return adele_start(trunk.ap50, experiment.deceleration)
    if rule == "validation_loss":
        return validation_loss_start(trunk.validation_loss, experiment.early_learning.min_epoch)
    return StartPoint(len(trunk.checkpoints), "weak-only leaves here: the initial labels are kept to the end")


def train_on_initial_labels(
    learner: Learner,
    batches: MixedBatches,
    seed: int,
    start: int,
    on_epoch: OnEpoch,
    record: Recorder,
) -> None:
    """Go on as in early learning after epoch `start`, to the last epoch: the reference row without correction."""
    epochs = batches.settings.epochs
    for epoch in range(start + 1, epochs + 1):
        progress = progress_of(record, epoch, epochs, "training")
        on_epoch(epoch, train_epoch(learner, batches, seed, epoch, progress))
