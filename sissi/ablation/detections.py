"""Detections of a trained detector in the target training images: the last stage of a branch that nobody scores."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from sissi.ablation.reader_scores import detect_all
from sissi.boxes import as_lists
from sissi.config import Experiment
from sissi.data.experiment_data import ExperimentData
from sissi.data.formats.coco import to_coco
from sissi.detector.model import load
from sissi.runtime import events
from sissi.runtime.cache import Entry
from sissi.runtime.device import device_of
from sissi.runtime.journal import Journal
from sissi.runtime.recorder import JournaledRecorder, Recorder, notify, progress_of


def detect_branch(
    experiment: Experiment, data: ExperimentData, model: Path, epoch: int, entry: Entry, recorder: Recorder
) -> None:
    """Find cells in all target training images, for the agreement of the rows and the counts; see `stored_results`.

    Args:
        experiment: all settings.
        data: data of the experiment.
        model: file of the detector.
        epoch: last epoch of the branch.
        entry: cache entry of the detections.
        recorder: recorder of the events.
    """
    with entry.lock(partial(notify, recorder)):
        journaled = JournaledRecorder(Journal(entry.folder / "journal"), recorder)
        if entry.result is None:
            journaled.journal.truncate(0)
            detector = load(model, device_of(experiment.runtime.device))
            found = detect_all(detector, data.target_train, progress_of(recorder, epoch, epoch, "detections"))
            images = [(sample.name, sample.height, sample.width) for sample in data.target_train]
            journaled.record(
                events.Json(to_coco(images, found, experiment.class_names), "predictions/target_train.json")
            )
            entry.finish([as_lists(boxes) for boxes in found])
        else:
            journaled.replay()
