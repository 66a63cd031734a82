"""Student, optimizer and teacher: the networks under training."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from sissi.config import Experiment, Training
from sissi.detector.model import CellDetector, build
from sissi.detector.precision import backbone_in_bf16
from sissi.runtime.randomness import seed_torch


@dataclass(frozen=True)
class TeacherStudent:
    """Detector under training.

    Attributes:
        student: detector whose weights are trained by gradient descent.
        teacher: detector whose weights are a running average of the student's weights (Tarvainen & Valpola 2017). It
            varies less between epochs, and predicts pseudo labels, curves and scores. Without averaging, as in the
            paper, it is the student itself.
        optimizer: optimizer of the student's parameters.
    """

    student: CellDetector
    teacher: CellDetector
    optimizer: torch.optim.Optimizer

    def state(self) -> dict[str, object]:
        """State as tensors and plain values; the tensors are shared with the learner."""
        return {
            "student": self.student.network.state_dict(),
            "teacher": self.teacher.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Load a state that `state` returned."""
        self.student.network.load_state_dict(state["student"])
        self.teacher.network.load_state_dict(state["teacher"])
        self.optimizer.load_state_dict(state["optimizer"])

    @torch.no_grad()
    def update_teacher(self, step: int, decay: float) -> None:
        """Update the running average after an iteration, counted from 0.

        The decay is min(decay, (1 + step) / (10 + step)): short averages at the start, so that the random initial
        weights vanish soon.
        """
        weight = 1 - min(decay, (1 + step) / (10 + step))
        students, teachers = self.student.network.state_dict(), self.teacher.network.state_dict()
        for name, mean in teachers.items():
            if mean.is_floating_point():
                mean.lerp_(students[name], weight)
            else:
                mean.copy_(students[name])


def make_teacher_student(detector: CellDetector, settings: Training) -> TeacherStudent:
    """Make a learner from a detector, on its device, with the precision, averaging and optimizer of the settings."""
    if settings.precision == "bf16":
        backbone_in_bf16(detector.network)
    teacher = detector if settings.averaging is None else copy.deepcopy(detector)
    return TeacherStudent(detector, teacher, _optimizer(detector, settings))


def _optimizer(detector: CellDetector, settings: Training) -> torch.optim.Optimizer:
    """SGD as in section 4.1, or AdamW, over all parameters."""
    parameters = [parameter for parameter in detector.network.parameters() if parameter.requires_grad]
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    return torch.optim.SGD(
        parameters, lr=settings.learning_rate, momentum=settings.momentum, weight_decay=settings.weight_decay
    )


def new_teacher_student(experiment: Experiment, seed: int, device: str) -> TeacherStudent:
    """Make an untrained learner; it is equal for equal settings and seeds, independent of the training data."""
    seed_torch(seed, "weights")
    detector = build(experiment.detector, experiment.training.image_size, experiment.class_names)
    detector.to(device)
    return make_teacher_student(detector, experiment.training)
