"""What the benchmarks work on: the demo as tensors and a detector, and crowded boxes without an image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from sissi.boxes import Boxes, make_boxes
from sissi.config import Experiment
from sissi.config.load import load_experiment
from sissi.data.experiment_data import load_data
from sissi.data.problems import Problems
from sissi.data.resized import ResizedDataset
from sissi.detector.model import build
from sissi.training.epoch import train_epoch
from sissi.training.mixed_batches import MixedBatches
from sissi.training.teacher_student import TeacherStudent, make_teacher_student

FOLDER = Path("out/benchmarks")
"""For drawn images, stores and whatever else a benchmark leaves behind."""
DEMO = Path("experiments/demo.yaml")


@dataclass(frozen=True)
class Demo:
    """The demo experiment with its images, and a learner after a few epochs, so that it finds cells."""

    experiment: Experiment
    target: ResizedDataset
    source: ResizedDataset
    learner: TeacherStudent


@cache
def demo(epochs: int = 4) -> Demo:
    """The demo after some epochs of early learning."""
    experiment = load_experiment(DEMO, [f"tracking.folder={FOLDER / 'demo'}"])
    data, size = load_data(experiment, Problems()), experiment.training.image_size
    target, source = data.resized("target_train", size), data.resized("source_train", size)
    torch.manual_seed(0)
    learner = make_teacher_student(build(experiment.detector, size), experiment.training)
    batches = MixedBatches(target, source, experiment.training)
    for epoch in range(1, epochs + 1):
        train_epoch(learner, batches, 0, epoch, silent)
    return Demo(experiment, target, source, learner)


def one_thread() -> None:
    """As a branch of an ablation runs on a CPU."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


class Forgetful:
    """Recorder that forgets."""

    def record(self, event: Any) -> None:
        """Forget an event."""


def silent(fraction: float, loss: float | None = None) -> None:
    """Nobody watches the progress."""


def crowded(random: np.random.Generator, cells: int, width: int = 640, height: int = 480) -> Boxes:
    """Boxes of cells of 15 to 40 px, all over an image."""
    low = random.random((cells, 2)) * [width - 40, height - 40]
    return make_boxes(np.concatenate([low, low + random.uniform(15, 40, low.shape)], axis=1))


def detections(random: np.random.Generator, truth: Boxes, count: int) -> Boxes:
    """Boxes scattered around the true ones by some pixels, with random scores."""
    around = np.resize(truth.xyxy, (count, 4)) + random.normal(0, 2, (count, 4))
    return make_boxes(around, random.uniform(0.05, 1, count))
