"""How fast training, label correction and evaluation are at a precision, and what memory they take."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from benchmarks.gpu.subject import Length, Subject, repeated
from benchmarks.gpu.trace import Waits, busy, waits
from benchmarks.row import seconds
from benchmarks.subjects import silent
from sissi.config import Experiment
from sissi.detector.model import CellDetector, predict_dataset
from sissi.method.self_training import predict_pseudo_labels
from sissi.training.epoch import train_epoch
from sissi.training.mixed_batches import MixedBatches
from sissi.training.teacher_student import new_teacher_student

Result = TypeVar("Result")
SHORT = 10
"""Iterations of an epoch that is traced."""


@dataclass(frozen=True)
class Training:
    """Of epochs of mixed batches, through `train_epoch`.

    Attributes:
        images_per_second: of each repeat, both domains together, reading and augmentation included.
        busy: share of an iteration's wall time in which the GPU works; None where the profiler saw no GPU.
        waits: of the host for the GPU in `SHORT` iterations, one look at the losses included; None without a GPU.
        gigabytes: peak of what tensors take on the GPU, weights and optimizer included; None without a GPU.
    """

    images_per_second: tuple[float, ...]
    busy: float | None
    waits: Waits | None
    gigabytes: float | None


@dataclass(frozen=True)
class Looking:
    """Of predictions, from files to boxes.

    Attributes:
        images_per_second: of each repeat.
        gigabytes: as of `Training`, without the weights.
    """

    images_per_second: tuple[float, ...]
    gigabytes: float | None


def training(experiment: Experiment, subject: Subject, length: Length, device: str) -> Training:
    """Epochs after a first short one, in which kernels are chosen and memory is taken."""
    settings = experiment.training

    def batches(iterations: int) -> MixedBatches:
        return MixedBatches(repeated(subject.target, iterations * settings.target_batch), subject.source, settings)

    def work() -> tuple[tuple[float, ...], float | None, Waits | None]:
        learner = new_teacher_student(experiment, 0, device)
        timed, short = batches(length.epoch), batches(min(SHORT, length.epoch))

        def epoch(of: MixedBatches) -> Callable[[], None]:
            def trained() -> None:
                train_epoch(learner, of, 0, 1, silent)
                if device == "cuda":
                    torch.cuda.synchronize()

            return trained

        epoch(short)()
        times = [seconds(epoch(timed)) for _ in range(length.repeats)]
        worked = busy(epoch(short), device)
        iteration = statistics.median(times) / timed.iterations
        share = None if worked is None else worked / short.iterations / iteration
        images = timed.iterations * (settings.target_batch + settings.source_batch)
        return tuple(images / time for time in times), share, waits(epoch(short), device)

    (rates, share, waited), taken = _peak(work, device)
    return Training(rates, share, waited, taken)


def correction(
    experiment: Experiment, detector: CellDetector, subject: Subject, length: Length, device: str
) -> Looking:
    """Label correction of target images: all views of each, and their fusion."""
    frames = repeated(subject.target, length.looks)
    return _look(lambda: predict_pseudo_labels(detector, frames, experiment, silent), len(frames), length, device)


def evaluation(
    experiment: Experiment, detector: CellDetector, subject: Subject, length: Length, device: str
) -> Looking:
    """Plain predictions, as for the curves and the validation of every epoch."""
    frames = repeated(subject.target, 8 * length.looks)
    workers = experiment.training.workers
    return _look(lambda: predict_dataset(detector, frames, workers=workers), len(frames), length, device)


def _look(work: Callable[[], object], images: int, length: Length, device: str) -> Looking:
    work()
    times, taken = _peak(lambda: [seconds(work) for _ in range(length.repeats)], device)
    return Looking(tuple(images / time for time in times), taken)


def _peak(work: Callable[[], Result], device: str) -> tuple[Result, float | None]:
    """What a piece of work gives, and the memory that it takes on the GPU at most, in GB."""
    if device != "cuda":
        return work(), None
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    result = work()
    return result, (torch.cuda.max_memory_allocated() - before) / 1e9
