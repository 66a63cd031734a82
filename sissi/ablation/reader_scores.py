"""Scores of a trained detector for each reader on the target test images, the last stage of a branch (4.2)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from sissi.ablation.stored_results import CLASSES, RESAMPLED
from sissi.boxes import Boxes
from sissi.config import Experiment
from sissi.data.experiment_data import ExperimentData
from sissi.data.formats.coco import to_coco
from sissi.data.sample import Sample
from sissi.detector.model import CellDetector, detect, load
from sissi.errors import SissiError
from sissi.evaluation.bootstrap import bootstrap, matches
from sissi.evaluation.class_scores import ClassScore, class_scores
from sissi.evaluation.metrics import TABLE_METRICS, CocoMetrics, coco_metrics
from sissi.evaluation.pycocotools_metrics import pycocotools_metrics
from sissi.runtime import events
from sissi.runtime.array_file import write_array
from sissi.runtime.cache import Entry
from sissi.runtime.device import device_of
from sissi.runtime.files import write_whole
from sissi.runtime.journal import Journal
from sissi.runtime.recorder import JournaledRecorder, OnProgress, Recorder, notify, progress_of


def score_branch(
    experiment: Experiment, data: ExperimentData, model: Path, epoch: int, entry: Entry, recorder: Recorder
) -> dict[str, dict[str, float]]:
    """Metrics of a trained detector for each reader on the target test images, by the names of `CocoMetrics`.

    The folder of the entry also contains the metrics on resamples of the test images: see `stored_results`.

    Args:
        experiment: all settings.
        data: data of the experiment.
        model: file of the detector.
        epoch: last epoch of the branch, for which the metrics are recorded.
        entry: cache entry of the scores.
        recorder: recorder of the events.
    """
    with entry.lock(partial(notify, recorder)):
        journaled = JournaledRecorder(Journal(entry.folder / "journal"), recorder)
        if entry.result is None:
            journaled.journal.truncate(0)
            entry.finish(
                _score(load(model, device_of(experiment.runtime.device)), data, experiment, epoch, entry, journaled)
            )
        else:
            journaled.replay()
        result: dict[str, dict[str, float]] = entry.result
        return result


def classes_of_readers(
    predicted: Sequence[Boxes], readers: Mapping[str, Sequence[Boxes | None]], classes: Sequence[str]
) -> dict[str, list[ClassScore]]:
    """Scores of each class for each reader; none where there is one class, whose scores are those of table 1."""
    if len(classes) < 2:
        return {}
    return {name: class_scores(*_known(predicted, truth), classes) for name, truth in readers.items()}


def score_readers(
    detector: CellDetector,
    test: Sequence[Sample],
    readers: Mapping[str, Sequence[Boxes | None]],
    max_detections: int,
    progress: OnProgress,
) -> tuple[list[Boxes], dict[str, CocoMetrics]]:
    """Predict boxes for test images, and compute their metrics for each reader by pycocotools.

    The metrics of a reader are over the images that the labels of the reader mention.

    Args:
        detector: trained detector.
        test: test images.
        readers: boxes of each reader, one record per test image; None for an image that the labels do not mention.
        max_detections: number of detections per image for `CocoMetrics.AR_dense`.
        progress: function that is called after each image with the finished fraction.

    Returns:
        Predictions for each image, in px of its file, and metrics by reader.

    Raises:
        SissiError: a metric differs from that of the compiled code, which curves and intervals use.
    """
    predicted = detect_all(detector, test, progress)
    scores = {
        name: _metrics(name, *_known(predicted, truth), max_detections=max_detections)
        for name, truth in readers.items()
    }
    return predicted, scores


def detect_all(detector: CellDetector, samples: Sequence[Sample], progress: OnProgress) -> list[Boxes]:
    """Predictions for each image, in px of its file; `progress` is called after each with the finished fraction."""
    predicted = []
    for index, sample in enumerate(samples):
        predicted.append(detect(detector, sample.read()))
        progress((index + 1) / len(samples))
    return predicted


def _metrics(reader: str, predicted: Sequence[Boxes], truth: Sequence[Boxes], max_detections: int) -> CocoMetrics:
    """Metrics for one reader by pycocotools, after a bitwise comparison with those of the compiled code."""
    metrics = pycocotools_metrics(predicted, truth, max_detections)
    compiled = coco_metrics(predicted, truth, max_detections).as_dict()
    for name, value in metrics.as_dict().items():
        other = compiled[name]
        if value != other and not (math.isnan(value) and math.isnan(other)):
            versions = ", ".join(f"{package} {version(package)}" for package in ("pycocotools", "numpy", "numba"))
            raise SissiError(
                f"{reader}: {name} is {value!r} by pycocotools and {other!r} by sissi.evaluation.coco_curves, which "
                "must be equal, so there are no scores. Neither images nor settings are the reason: please report "
                f"this message, and install the versions of constraints.txt meanwhile ({versions} are installed)"
            )
    return metrics


def _known(predicted: Sequence[Boxes], truth: Sequence[Boxes | None]) -> tuple[list[Boxes], list[Boxes]]:
    """Predictions and true boxes of the images whose true boxes are known."""
    pairs = [(mine, true) for mine, true in zip(predicted, truth, strict=True) if true is not None]
    return [mine for mine, _ in pairs], [true for _, true in pairs]


def _score(
    detector: CellDetector, data: ExperimentData, experiment: Experiment, epoch: int, entry: Entry, recorder: Recorder
) -> dict[str, dict[str, float]]:
    predicted, by_reader = score_readers(
        detector,
        data.target_test,
        data.readers,
        experiment.evaluation.max_detections,
        progress_of(recorder, epoch, epoch, "scores"),
    )
    for reader, metrics in by_reader.items():
        named = {f"{reader}/{name}": value for name, value in metrics.as_dict().items() if np.isfinite(value)}
        recorder.record(events.Metrics(named, epoch))
    images = [(sample.name, sample.height, sample.width) for sample in data.target_test]
    recorder.record(events.Json(to_coco(images, predicted, experiment.class_names), "predictions/target_test.json"))
    resampled = [bootstrap(matches(*_known(predicted, truth))) for truth in data.readers.values()]
    write_array(entry.folder / RESAMPLED, np.stack(resampled))
    of_classes = classes_of_readers(predicted, data.readers, experiment.class_names)
    for reader, scores in of_classes.items():
        named = {
            f"{reader}/{one.name}/{metric}": getattr(one, metric)
            for one in scores
            for metric in TABLE_METRICS
            if np.isfinite(getattr(one, metric))
        }
        recorder.record(events.Metrics(named, epoch))
    plain = {reader: [asdict(one) for one in scores] for reader, scores in of_classes.items()}
    write_whole(entry.folder / CLASSES, json.dumps(plain).encode())
    return {reader: metrics.as_dict() for reader, metrics in by_reader.items()}
