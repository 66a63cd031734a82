"""The stages of an ablation as jobs: each takes plain settings and files, and returns plain values.

They run in processes of their own (see `jobs`), so that variants train side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sissi import checkpoint, evaluation
from sissi.boxes import Boxes
from sissi.data.coco import to_coco
from sissi.data.datasets import DataSets
from sissi.data.frames import Frames, frames_of, in_file_pixels
from sissi.data.images import read_image
from sissi.data.samples import Sample
from sissi.deceleration import StartPoint
from sissi.detector import CellDetector, build, detect, predict_frames, save
from sissi.early_learning import Trunk, train_on_initial_labels, train_trunk
from sissi.evaluation import Metrics
from sissi.learner import Learner, make_learner
from sissi.mixed_batches import MixedBatches
from sissi.overlays import draw_boxes
from sissi.records import Progress, Recorder, progress_of
from sissi.self_training import correct, self_train
from sissi.settings import Blur, Experiment
from sissi.training import mean_losses
from sissi.variants import Variant


@dataclass(frozen=True)
class Branch:
    """A variant's way from the trunk to its end.

    Attributes:
        variant: row of table 1.
        seed: of the experiment.
        start: where it leaves the trunk.
        checkpoint: of the trunk at that epoch.
        first_labels: pseudo labels of that very checkpoint, in px of frames, if somebody has made them already.
        folder: for its files.
    """

    variant: Variant
    seed: int
    start: StartPoint
    checkpoint: Path
    first_labels: Sequence[Boxes] | None
    folder: Path


@dataclass(frozen=True)
class Scores:
    """What a branch ends with.

    Attributes:
        readers: metrics on the target test images, for each reader.
        model: the file of the trained detector.
    """

    readers: dict[str, Metrics]
    model: Path


def device_of(experiment: Experiment) -> str:
    """torch's name of the device that `runtime.device` means here."""
    if experiment.runtime.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return experiment.runtime.device


def trunk(experiment: Experiment, seed: int, data: DataSets, folder: Path, record: Recorder) -> Trunk:
    """Phase 1, once for all variants."""
    _tell_labels(experiment, data, [sample.boxes for sample in data.target], 0, record)
    target, source, validation = (_frames(data, role, experiment) for role in ("target", "source", "validation"))
    return train_trunk(experiment, seed, target, source, validation, folder, device_of(experiment), record)


def first_labels(experiment: Experiment, data: DataSets, trunk_checkpoint: Path, record: Recorder) -> list[Boxes]:
    """The pseudo labels of a checkpoint, for all variants that leave the trunk there; in px of frames."""
    learner, epoch = _resume(experiment, trunk_checkpoint)
    epochs = experiment.training.epochs
    target = _frames(data, "target", experiment)
    return correct(learner.teacher, target, experiment, progress_of(record, epoch, epochs, "labels"))


def branch(experiment: Experiment, data: DataSets, task: Branch, record: Recorder) -> Scores:
    """Phase 2 of one variant, and its scores on the target test images."""
    learner, start = _resume(experiment, task.checkpoint)
    target, source, validation = (_frames(data, role, experiment) for role in ("target", "source", "validation"))

    def on_epoch(epoch: int, losses: dict[str, float]) -> None:
        record.metrics({f"train/{name}": value for name, value in losses.items()}, epoch)
        record.metrics(_validate(learner.teacher, validation, experiment), epoch)

    if task.variant.start == "never":
        batches = MixedBatches(target, source, experiment.training)
        train_on_initial_labels(learner, batches, task.seed, start, on_epoch, record)
    else:
        self_train(
            learner,
            target,
            source,
            start=start,
            blur=_blur(task.variant, experiment),
            first_labels=task.first_labels,
            experiment=experiment,
            seed=task.seed,
            folder=task.folder / "synthetic",
            record=record,
            on_labels=lambda labels, epoch: _tell_labels(
                experiment, data, _to_files(labels, data, experiment), epoch, record
            ),
            on_epoch=on_epoch,
        )
    model = task.folder / "detector.pt"
    save(learner.teacher, model)
    return Scores(_score(learner.teacher, data, experiment, record), model)


def score_readers(
    detector: CellDetector,
    test: Sequence[Sample],
    readers: Mapping[str, Sequence[Boxes]],
    max_detections: int,
    progress: Progress,
) -> tuple[list[Boxes], dict[str, Metrics]]:
    """Predictions for the target test images in pixels of the files, and their metrics for each reader."""
    predicted = []
    for index, sample in enumerate(test):
        predicted.append(detect(detector, read_image(sample.path)))
        progress((index + 1) / len(test))
    return predicted, {
        name: evaluation.coco_metrics(predicted, truth, max_detections) for name, truth in readers.items()
    }


def _score(detector: CellDetector, data: DataSets, experiment: Experiment, record: Recorder) -> dict[str, Metrics]:
    """The end of a branch: what it is worth to each reader."""
    epochs = experiment.training.epochs
    predicted, scores = score_readers(
        detector,
        data.test,
        data.readers,
        experiment.evaluation.max_detections,
        progress_of(record, epochs, epochs, "scores"),
    )
    for reader, metrics in scores.items():
        named = {f"{reader}/{name}": value for name, value in metrics.as_dict().items() if np.isfinite(value)}
        record.metrics(named, epochs)
    images = [(sample.name, sample.height, sample.width) for sample in data.test]
    record.json(to_coco(images, predicted), "predictions/target_test.json")
    return scores


def _resume(experiment: Experiment, trunk_checkpoint: Path) -> tuple[Learner, int]:
    """A learner as the trunk left it at a checkpoint, bit by bit, and its epoch."""
    blank = experiment.detector.model_copy(update={"weights": "none"})
    detector = build(blank, experiment.training.image_size)
    detector.network.to(device_of(experiment))
    learner = make_learner(detector, experiment.training)
    return learner, checkpoint.restore(trunk_checkpoint, learner)


def _frames(data: DataSets, role: str, experiment: Experiment) -> Frames:
    return frames_of(getattr(data, role), experiment.training.image_size)


def _blur(variant: Variant, experiment: Experiment) -> Blur | None:
    """The background of a row of table 1."""
    settings = experiment.synthetic_images
    return {"original": None, "weak": settings.weak, "strong": settings.strong}[variant.background]


def _validate(detector: CellDetector, validation: Frames, experiment: Experiment) -> dict[str, float]:
    """Loss and AP50 on the source validation images."""
    return {
        "source_val/loss": mean_losses(detector, validation, experiment.training.source_batch)["loss"],
        "source_val/AP50": evaluation.ap50(predict_frames(detector, validation), validation.boxes),
    }


def _to_files(labels: Sequence[Boxes], data: DataSets, experiment: Experiment) -> list[Boxes]:
    size = experiment.training.image_size
    return [in_file_pixels(boxes, sample, size) for boxes, sample in zip(labels, data.target, strict=True)]


def _tell_labels(experiment: Experiment, data: DataSets, labels: Sequence[Boxes], epoch: int, record: Recorder) -> None:
    """A snapshot of the target labels, in pixels of the image files: all as COCO json, some as pictures.

    Where a truth or reference exists their quality is told as well: for the eye only, nothing is chosen by it.
    """
    images = [(sample.name, sample.height, sample.width) for sample in data.target]
    record.json(to_coco(images, labels), f"pseudo_labels/epoch_{epoch:03d}.json")
    told = {"labels/count": float(sum(len(boxes) for boxes in labels))}
    if data.reference is not None:
        quality = evaluation.label_quality(labels, data.reference)
        told |= {"labels/precision": quality.precision, "labels/recall": quality.recall}
    record.metrics({name: value for name, value in told.items() if np.isfinite(value)}, epoch)
    for index in np.linspace(0, len(labels) - 1, experiment.tracking.overlays, dtype=int):
        picture = draw_boxes(read_image(data.target[index].path), labels[index])
        record.image(f"pseudo_labels/{data.target[index].name}", picture, epoch)
