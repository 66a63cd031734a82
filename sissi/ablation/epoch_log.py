"""Log of an epoch: its labels, its losses, and the metrics of the watched data."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sissi.boxes import Boxes
from sissi.config import Experiment
from sissi.data.experiment_data import ExperimentData
from sissi.data.formats.coco import to_coco
from sissi.data.images.draw import draw_boxes
from sissi.data.resized import in_file_pixels
from sissi.detector.model import CellDetector, predict_dataset
from sissi.evaluation.confusion import class_accuracy, confusion
from sissi.evaluation.label_quality import label_quality
from sissi.evaluation.label_trust import LabelTrust
from sissi.evaluation.metrics import COCO_LIMIT, coco_metrics
from sissi.method.self_training import Cycle
from sissi.runtime.events import Json, Metrics, Picture
from sissi.runtime.recorder import Recorder
from sissi.training.epoch import mean_losses

WATCHED = {"source_val": "source_val", "target_val": "target_val", "weak_labels": "target_train"}
"""Data set of each entry of `evaluation.every_epoch`."""
WATCHED_METRICS = ("AP50", "AP", "AR")


def log_cycle(experiment: Experiment, data: ExperimentData, cycle: Cycle, recorder: Recorder) -> None:
    """Record an epoch of a branch: its labels if they were corrected, its losses, and the metrics of watched data."""
    if cycle.corrected:
        log_labels(experiment, data, to_files(cycle.labels, data, experiment), cycle.epoch, recorder)
    watched: dict[str, float] = {}
    for name in experiment.evaluation.every_epoch:
        watched |= _watch(name, cycle.learner.teacher, data, experiment)
    losses = {f"train/{name}": value for name, value in cycle.losses.items()}
    if cycle.trust is not None:
        weak = [boxes for sample, boxes in zip(data.target_train, cycle.labels, strict=True) if not sample.corrected]
        recorder.record(Metrics(estimated_quality(cycle.trust, weak), cycle.epoch))
    recorder.record(Metrics(losses | watched, cycle.epoch))


def log_labels(
    experiment: Experiment, data: ExperimentData, labels: Sequence[Boxes], epoch: int, recorder: Recorder
) -> None:
    """Record the target labels of an epoch: all as COCO JSON, some as pictures.

    If a truth or reference exists, the quality of the labels is recorded too, for information only.

    Args:
        experiment: all settings.
        data: data of the experiment.
        labels: labels of each target image, in px of the image file.
        epoch: number of the epoch.
        recorder: recorder of the events.
    """
    images = [(sample.name, sample.height, sample.width) for sample in data.target_train]
    recorder.record(Json(to_coco(images, labels, experiment.class_names), f"pseudo_labels/epoch_{epoch:03d}.json"))
    values = {"labels/count": float(sum(len(boxes) for boxes in labels))}
    if data.reference is not None:
        quality = label_quality(labels, data.reference)
        values |= {f"labels/{name}": getattr(quality, name) for name in ("precision", "recall", "mean_iou", "size")}
        values |= _class_quality(labels, data.reference, experiment.class_names)
    recorder.record(Metrics({name: value for name, value in values.items() if np.isfinite(value)}, epoch))
    for index in np.linspace(0, len(labels) - 1, experiment.tracking.overlays, dtype=int):
        picture = draw_boxes(data.target_train[index].read(), labels[index], classes=experiment.class_names)
        recorder.record(Picture(f"pseudo_labels/{data.target_train[index].name}", picture, epoch))


def estimated_quality(trust: LabelTrust, labels: Sequence[Boxes]) -> dict[str, float]:
    """Precision and recall of initial and of corrected labels as estimated without careful labels, by metric.

    The precision of an initial label, whose score is 1, is the share of initial labels that a detection confirms; that
    of another label is its score, a probability.

    Args:
        trust: estimate of the epoch.
        labels: labels of each target image that nobody corrected in this epoch.
    """
    scores = np.concatenate([np.zeros(0), *(boxes.scores for boxes in labels)])
    correct = np.where(scores < 1, scores, trust.supported)
    values = {f"trust/recall_{name}": one.recall for name, one in trust.strata.items()}
    values |= {
        "trust/initial_recall": trust.all.recall,
        "trust/initial_recall_low": trust.all.low,
        "trust/initial_recall_high": trust.all.high,
        "trust/initial_supported": trust.supported,
        "labels/estimated_precision": float(correct.mean()) if len(scores) else float("nan"),
        "labels/estimated_recall": float(min(1, correct.sum() * trust.all.recall / (trust.labels * trust.supported)))
        if trust.labels
        else float("nan"),
    }
    return {name: value for name, value in values.items() if np.isfinite(value)}


def _class_quality(
    labels: Sequence[Boxes], reference: Sequence[Boxes | None], classes: Sequence[str]
) -> dict[str, float]:
    """Precision and recall of the labels of each class, and the share of matched labels whose class is right."""
    if len(classes) < 2:
        return {}
    counts = confusion(labels, reference, len(classes))
    right, named, true = np.diag(counts)[:-1], counts.sum(axis=0)[:-1], counts.sum(axis=1)[:-1]
    values = {"labels/class_accuracy": class_accuracy(counts)}
    for index, name in enumerate(classes):
        values[f"labels/{name}/precision"] = right[index] / named[index] if named[index] else math.nan
        values[f"labels/{name}/recall"] = right[index] / true[index] if true[index] else math.nan
    return {name: float(value) for name, value in values.items()}


def _watch(name: str, detector: CellDetector, data: ExperimentData, experiment: Experiment) -> dict[str, float]:
    """Metrics of an entry of `evaluation.every_epoch`, by their keys."""
    settings = experiment.training
    dataset = data.resized(WATCHED[name], settings.image_size)
    predicted = predict_dataset(detector, dataset, workers=settings.workers)
    scores = coco_metrics(predicted, dataset.boxes, COCO_LIMIT).as_dict()
    values = {f"{name}/{metric}": float(np.nan_to_num(scores[metric])) for metric in WATCHED_METRICS}
    if name == "source_val":
        values["source_val/loss"] = mean_losses(detector, dataset, settings.source_batch, settings.workers)["loss"]
    return values


def to_files(labels: Sequence[Boxes], data: ExperimentData, experiment: Experiment) -> list[Boxes]:
    """Convert labels of the target images from px of the resized images to px of the image files."""
    size = experiment.training.image_size
    return [in_file_pixels(boxes, sample, size) for boxes, sample in zip(labels, data.target_train, strict=True)]
