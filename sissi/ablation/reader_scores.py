"""What a trained detector is worth to each reader on the target test images, as the last stage of a branch (4.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from sissi.boxes import Boxes
from sissi.config import Experiment
from sissi.data.experiment_data import ExperimentData
from sissi.data.formats.coco import to_coco
from sissi.data.sample import Sample
from sissi.detector.model import CellDetector, detect, load
from sissi.evaluation.bootstrap import Resampled, bootstrap, matches
from sissi.evaluation.metrics import CocoMetrics, coco_metrics
from sissi.runtime import events
from sissi.runtime.array_file import write_array
from sissi.runtime.cache import Entry
from sissi.runtime.device import device_of
from sissi.runtime.journal import Journal
from sissi.runtime.recorder import JournaledRecorder, OnProgress, Recorder, notify, progress_of

RESAMPLED = "resampled.npy"


def score_branch(
    experiment: Experiment, data: ExperimentData, model: Path, epoch: int, entry: Entry, recorder: Recorder
) -> dict[str, dict[str, float]]:
    """What a trained detector is worth to each reader on the target test images, by the names of `CocoMetrics`.

    They are recorded as those of this epoch, its last. Its folder also holds the metrics of resamples of these images:
    see `read_resampled`.
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


def read_resampled(entry: Entry, readers: Iterable[str]) -> dict[str, Resampled]:
    """What `bootstrap.bootstrap` gave for each reader, from the folder of finished `score_branch`."""
    return dict(zip(readers, np.load(entry.folder / RESAMPLED), strict=True))


def score_readers(
    detector: CellDetector,
    test: Sequence[Sample],
    readers: Mapping[str, Sequence[Boxes | None]],
    max_detections: int,
    progress: OnProgress,
) -> tuple[list[Boxes], dict[str, CocoMetrics]]:
    """Predictions for the target test images in pixels of the files, and their metrics for each reader.

    A reader's metrics are over the images that the reader's labels mention.
    """
    predicted = []
    for index, sample in enumerate(test):
        predicted.append(detect(detector, sample.read()))
        progress((index + 1) / len(test))
    return predicted, {name: coco_metrics(*_known(predicted, truth), max_detections) for name, truth in readers.items()}


def _known(predicted: Sequence[Boxes], truth: Sequence[Boxes | None]) -> tuple[list[Boxes], list[Boxes]]:
    """Predictions and true boxes of the images whose true boxes are known."""
    pairs = [(mine, true) for mine, true in zip(predicted, truth, strict=True) if true is not None]
    return [mine for mine, _ in pairs], [true for _, true in pairs]


def _score(
    detector: CellDetector, data: ExperimentData, experiment: Experiment, epoch: int, entry: Entry, recorder: Recorder
) -> dict[str, dict[str, float]]:
    predicted, found = score_readers(
        detector,
        data.target_test,
        data.readers,
        experiment.evaluation.max_detections,
        progress_of(recorder, epoch, epoch, "scores"),
    )
    for reader, metrics in found.items():
        named = {f"{reader}/{name}": value for name, value in metrics.as_dict().items() if np.isfinite(value)}
        recorder.record(events.Metrics(named, epoch))
    images = [(sample.name, sample.height, sample.width) for sample in data.target_test]
    recorder.record(events.Json(to_coco(images, predicted), "predictions/target_test.json"))
    drawn = [bootstrap(matches(*_known(predicted, truth))) for truth in data.readers.values()]
    write_array(entry.folder / RESAMPLED, np.stack(drawn))
    return {reader: metrics.as_dict() for reader, metrics in found.items()}
