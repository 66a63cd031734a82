"""Whether bf16 finds cells as well as float32: both trained from the same weights on the same batches.

On a GPU sums come out in another order each time, so two trainings in float32 differ as well. Each seed is therefore
trained in float32 twice: what bf16 changes is to be judged by what nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.gpu.subject import Subject
from benchmarks.subjects import silent
from sissi.detector import CellDetector, predict_frames
from sissi.early_learning import new_learner
from sissi.evaluation import ap50
from sissi.mixed_batches import MixedBatches
from sissi.settings import Experiment
from sissi.training import train_epoch

RUNS = {"float32": "float32", "float32 again": "float32", "bf16": "bf16"}
"""Trainings of a seed, by the precision of each."""
FROM_SCRATCH = {
    "optimizer": "adamw", "learning_rate": 0.0005, "schedule": "cosine", "warmup_steps": 40, "clip_gradient": 5.0,
}  # fmt: skip
"""Of a training from random weights, from which the paper's SGD would find nothing within some hundred iterations."""


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
    for run, precision in RUNS.items():
        detector = _train(with_precision(experiment, precision), subject, seed, iterations, device)
        found = {
            domain: ap50(predict_frames(detector, frames, workers=experiment.training.workers), frames.boxes)
            for domain, frames in subject.held_out.items()
        }
        yield Score(seed, run, found), detector


def with_precision(experiment: Experiment, precision: str, **others: object) -> Experiment:
    """The experiment at another precision, and with other settings of training."""
    changed = experiment.training.model_copy(update={"precision": precision, **others})
    return experiment.model_copy(update={"training": changed})


def _train(experiment: Experiment, subject: Subject, seed: int, iterations: int, device: str) -> CellDetector:
    """At least so many iterations, in whole epochs."""
    an_epoch = MixedBatches(subject.target, subject.source, experiment.training).iterations
    epochs = -(-iterations // an_epoch)
    scratch = FROM_SCRATCH if experiment.detector.weights == "none" else {}
    experiment = with_precision(experiment, experiment.training.precision, epochs=epochs, **scratch)
    learner = new_learner(experiment, seed, device)
    batches = MixedBatches(subject.target, subject.source, experiment.training)
    for epoch in range(1, epochs + 1):
        train_epoch(learner, batches, seed, epoch, silent)
    return learner.teacher
