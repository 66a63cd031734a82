"""Cross-fitting: detections in each image by a detector that was trained without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from sissi.ablation.branch import BranchTask
from sissi.ablation.cache_keys import settings_without
from sissi.ablation.stages import train_branch
from sissi.boxes import EMPTY, Boxes, as_lists, make_boxes
from sissi.config import Experiment, PseudoLabels
from sissi.data.experiment_data import ExperimentData
from sissi.data.resized import in_file_pixels
from sissi.data.sample import Sample, digest
from sissi.detector.model import load
from sissi.errors import SissiError
from sissi.method.pseudo_labels import fuse
from sissi.method.self_training import predict_pseudo_labels
from sissi.method.start_point import quarter
from sissi.runtime.cache import Cache, Entry
from sissi.runtime.device import device_of, machine_of
from sissi.runtime.engines import local
from sissi.runtime.events import Event, Notice, Progress
from sissi.runtime.jobs import Job
from sissi.runtime.progress import Display
from sissi.runtime.randomness import generator
from sissi.runtime.recorder import Recorder, notify, progress_of


def folds(images: int, count: int, seed: int) -> list[list[int]]:
    """Split the indices of images into folds at random; their sizes differ by at most one.

    Args:
        images: number of images, at least `count`.
        count: number of folds, at least 2.
        seed: seed of the split.
    """
    return [sorted(part.tolist()) for part in np.array_split(generator(seed, "folds").permutation(images), count)]


@dataclass(frozen=True)
class Plan:
    """How often an image is judged, and by what.

    Attributes:
        folds: number of detectors of a repeat; each is trained without the images of its fold.
        repeats: number of repeats, each with folds of its own, so that so many detectors judge an image.
        seed: seed of the folds and of the training of the first repeat; the others have the seeds after it.
    """

    folds: int
    repeats: int
    seed: int


def cross_fit(
    experiment: Experiment, samples: Sequence[Sample], plan: Plan, cache: Cache, display: Display
) -> list[Boxes]:
    """Detections in every image, by detectors that were trained without it; finished folds are not trained again.

    Args:
        experiment: settings of the training.
        samples: images with the labels in doubt.
        plan: folds and repeats.
        cache: keeps finished and unfinished work.
        display: display of the progress.

    Returns:
        Boxes of each image down to low scores, fused from the views of test-time augmentation and from the repeats, in
        px of the image file.

    Raises:
        SissiError: a fold failed.
    """
    jobs: list[Job] = []
    fits = [_fit(experiment, samples, plan, repeat, cache, jobs) for repeat in range(plan.repeats)]

    def on_event(name: str, event: Event) -> None:
        if isinstance(event, Progress):
            display.update(name, event)
        elif isinstance(event, Notice):
            display.warn(event.text)

    outcomes = local.run(jobs, experiment.runtime.jobs, on_event, lambda name, _: display.finish(name))
    failed = {name: outcome for name, outcome in outcomes.items() if outcome.error is not None}
    for name, outcome in failed.items():
        raise SissiError("\n".join(filter(None, [f"{name}: {outcome.error}", outcome.details])))
    detections = [_detections(fit) for fit in fits]
    return [
        together([one[index] for one in detections], sample, experiment.pseudo_labels)
        for index, sample in enumerate(samples)
    ]


def together(found: Sequence[Boxes], sample: Sample, settings: PseudoLabels) -> Boxes:
    """Detections of all repeats in an image, fused as those of views are: what some did not find has a lower score.

    Args:
        found: detections of each repeat, in px of the image file.
        sample: image.
        settings: settings of the fusion.
    """
    if len(found) == 1:
        return found[0]
    every = settings.model_copy(update={"score": 0.0, "view_score": 0.0, "smallest": 0.0})
    return fuse(found, sample.height, sample.width, every)


Fit = list[tuple[list[int], Entry]]
"""Indices of the images of each fold of a repeat, and the cache entry of their detections."""


def _fit(
    experiment: Experiment, samples: Sequence[Sample], plan: Plan, repeat: int, cache: Cache, jobs: list[Job]
) -> Fit:
    """The folds of a repeat; a job is added for each that is not finished."""
    seed, fit = plan.seed + repeat, []
    for number, part in enumerate(folds(len(samples), plan.folds, seed), start=1):
        held_out = [replace(samples[index], boxes=EMPTY) for index in part]  # its labels have no vote on classes
        chosen = set(part)
        train = [sample for index, sample in enumerate(samples) if index not in chosen]
        entry = cache.entry("audit", _key(experiment, train, held_out, seed, cache))
        fit.append((part, entry))
        if entry.result is None:
            data = ExperimentData(train, None, (), {}, train, (), cache=cache)
            name = f"fold {number}" if plan.repeats == 1 else f"repeat {repeat + 1}, fold {number}"
            jobs.append(Job(name, fit_fold, (experiment, data, held_out, seed, entry)))
    return fit


def _detections(fit: Fit) -> list[Boxes]:
    """Boxes of each image."""
    found: dict[int, Boxes] = {}
    for part, entry in fit:
        found |= {index: make_boxes(*boxes) for index, boxes in zip(part, entry.result, strict=True)}
    return [found[index] for index in sorted(found)]


def fit_fold(
    experiment: Experiment,
    data: ExperimentData,
    held_out: Sequence[Sample],
    seed: int,
    entry: Entry,
    recorder: Recorder,
) -> None:
    """Train a detector, continuing after an interruption, and find the cells in the images that it was trained without.

    Args:
        experiment: settings of the training.
        data: images of the training, as target and as source domain.
        held_out: images of the fold; their labels do not matter.
        seed: seed of the training.
        entry: cache entry of the fold; its result holds the boxes of each image of the fold, in px of the image file.
        recorder: recorder of the progress.
    """
    epochs = experiment.training.epochs
    branch = Entry("branch", entry.digest, entry.folder / "branch")
    task = BranchTask(branch, seed, quarter(experiment), None, "weak", True, None, None)
    with entry.lock(partial(notify, recorder)):
        if entry.result is not None:
            return
        train_branch(experiment, data, task, recorder)
        detector = load(task.model, device_of(experiment.runtime.device))
        size = experiment.training.image_size
        held = ExperimentData(held_out, None, (), {}, (), (), cache=data.cache).resized("target_train", size)
        found = predict_pseudo_labels(detector, held, experiment, progress_of(recorder, epochs, epochs, "detections"))
        in_files = [in_file_pixels(boxes, sample, size) for boxes, sample in zip(found, held_out, strict=True)]
        entry.finish([as_lists(boxes) for boxes in in_files])


def _key(
    experiment: Experiment, train: Sequence[Sample], held_out: Sequence[Sample], seed: int, cache: Cache
) -> dict[str, Any]:
    """Everything that the detections of a fold depend on."""
    settings = settings_without(experiment, {"data", "tracking", "runtime", "evaluation", "seeds"})
    device = machine_of(device_of(experiment.runtime.device))
    digests = {"train": digest(train, cache), "held_out": digest(held_out, cache)}
    return {"settings": settings, "seed": seed, "data": digests, "device": device}
