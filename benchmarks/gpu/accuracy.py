"""Whether bf16 finds cells as well as float32: both trained from the same weights on the same batches.

Training amplifies every rounding, so two trainings in float32 that differ in the last bit of their first weights end
apart as well. Each seed is therefore trained in float32 twice, the second time with such weights: what bf16 changes is
to be judged by what a rounding changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from benchmarks.gpu.subject import Subject
from benchmarks.subjects import silent
from sissi.config import Experiment
from sissi.detector.model import CellDetector, predict_dataset
from sissi.evaluation.metrics import ap50
from sissi.training.epoch import train_epoch
from sissi.training.mixed_batches import MixedBatches
from sissi.training.teacher_student import new_teacher_student


class Run(NamedTuple):
    """A training of a seed: at which precision, and whether its first weights are a rounding away from the others'."""

    precision: str
    nudged: bool = False


RUNS = {"float32": Run("float32"), "float32 again": Run("float32", nudged=True), "bf16": Run("bf16")}
"""The trainings of a seed."""


@dataclass(frozen=True)
class Score:
    """A training that is over.

    Attributes:
        seed: of weights, batches and augmentation.
        run: of `RUNS`.
        ap50: on the held-out images of each domain, in [0, 1].
    """

    seed: int
    run: str
    ap50: dict[str, float]


def trained(
    experiment: Experiment, subject: Subject, seed: int, iterations: int, device: str
) -> Iterator[tuple[Score, CellDetector]]:
    """Each of `RUNS`, with the detector that it gave."""
    for name, run in RUNS.items():
        at = with_precision(experiment, run.precision)
        detector = _train(at, subject, seed, iterations, device, nudged=run.nudged)
        found = {
            domain: ap50(predict_dataset(detector, frames, workers=experiment.training.workers), frames.boxes)
            for domain, frames in subject.held_out.items()
        }
        yield Score(seed, name, found), detector


def with_precision(experiment: Experiment, precision: str, **others: object) -> Experiment:
    """The experiment at another precision, and with other settings of training."""
    changed = experiment.training.model_copy(update={"precision": precision, **others})
    return experiment.model_copy(update={"training": changed})


@torch.no_grad()
def nudge(network: nn.Module) -> None:
    """Change every weight of a network that is not zero, by about as little as float32 can."""
    for weights in network.parameters():
        weights.mul_(1 + torch.finfo(torch.float32).eps)


def _train(
    experiment: Experiment, subject: Subject, seed: int, iterations: int, device: str, *, nudged: bool
) -> CellDetector:
    """At least so many iterations, in whole epochs."""
    an_epoch = MixedBatches(subject.target, subject.source, experiment.training).iterations
    epochs = -(-iterations // an_epoch)
    experiment = with_precision(experiment, experiment.training.precision, epochs=epochs)
    learner = new_teacher_student(experiment, seed, device)
    if nudged:
        for network in {learner.student.network, learner.teacher.network}:
            nudge(network)
    batches = MixedBatches(subject.target, subject.source, experiment.training)
    for epoch in range(1, epochs + 1):
        train_epoch(learner, batches, seed, epoch, silent)
    return learner.teacher
