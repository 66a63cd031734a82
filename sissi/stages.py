"""The stages of an ablation as jobs: each takes plain settings and files, and returns plain values.

They run in processes of their own (see `jobs`), so that variants train side by side.
"""

from __future__ import annotations

import resource
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from sissi import checkpoint, evaluation
from sissi.boxes import Boxes, as_lists, make_boxes
from sissi.cache import Entry
from sissi.checkpoint import Checkpoints
from sissi.data.coco import to_coco
from sissi.data.datasets import DataSets
from sissi.data.frames import Frames, frames_of, in_file_pixels
from sissi.data.images import read_image
from sissi.data.samples import Sample
from sissi.detector import CellDetector, build, detect, load, predict_frames, save
from sissi.early_learning import Trunk, new_learner, train_trunk
from sissi.evaluation import Metrics
from sissi.files import whole_file
from sissi.journal import Journal
from sissi.learner import Learner, make_learner
from sissi.overlays import draw_boxes
from sissi.records import Kept, Progress, Recorder, progress_of
from sissi.resampling import matches
from sissi.self_training import Course, Cycle, correct, self_train, train_on_initial_labels
from sissi.settings import Blur, Experiment
from sissi.statistics import Resampled, bootstrap
from sissi.training import NonFiniteLoss, mean_losses

WATCHED = {"source_val": "validation", "target_val": "held_out", "weak_labels": "target"}
"""Which data set each entry of `evaluation.every_epoch` means."""
RESAMPLED = "resampled.npy"
"""(readers, 1 + resamples, 4) float64: `statistics.bootstrap` for each reader."""


@dataclass(frozen=True)
class Branch:
    """A way from the trunk to the last epoch.

    Attributes:
        entry: where its work is kept.
        seed: of the experiment.
        start: epoch of the trunk that it leaves; 0: it begins with new weights.
        checkpoint: of the trunk at that epoch; None for epoch 0.
        labels: that it begins with: the initial weak ones, or the reference ones of the images that have them.
        corrects: False for the reference rows, which keep the labels that they begin with.
        blur: of the background of target images; None: the original images.
        first_labels: where the pseudo labels of that very checkpoint are kept, or are to be; None: not shared.
    """

    entry: Entry
    seed: int
    start: int
    checkpoint: Path | None
    labels: Literal["weak", "reference"]
    corrects: bool
    blur: Blur | None
    first_labels: Entry | None

    @property
    def model(self) -> Path:
        """The file of the trained detector."""
        return self.entry.folder / "detector.pt"


def device_of(experiment: Experiment) -> str:
    """torch's name of the device that `runtime.device` means here."""
    if experiment.runtime.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return experiment.runtime.device


def machine_of(device: str) -> str:
    """The kind of processor behind a device: results may differ between kinds in the last bits."""
    return torch.cuda.get_device_name() if device == "cuda" else f"cpu {torch.backends.cpu.get_cpu_capability()}"


def trunk(experiment: Experiment, seed: int, data: DataSets, entry: Entry, record: Recorder) -> Trunk:
    """Phase 1, once for all variants."""
    target, source, validation = (_frames(data, role, experiment) for role in ("target", "source", "validation"))
    with entry.lock(record.say), _keeping_bad_batch(entry, record):
        tell_labels(experiment, data, [sample.boxes for sample in data.target], 0, record)
        trained = train_trunk(experiment, seed, target, source, validation, entry.folder, device_of(experiment), record)
    record.metrics({"cost/wall_s": trained.wall, "cost/peak_memory_mb": _peak_memory()}, len(trained.checkpoints))
    return trained


def first_labels(experiment: Experiment, data: DataSets, trained: Path, entry: Entry, record: Recorder) -> None:
    """The pseudo labels of a checkpoint, for all variants that leave the trunk there; in px of frames."""
    with entry.lock(record.say):
        if entry.result is None:
            learner, _ = _resume(experiment, trained)
            epochs = experiment.training.epochs
            epoch = int(trained.stem.removeprefix("epoch_"))
            target = _frames(data, "target", experiment)
            found = correct(learner.teacher, target, experiment, progress_of(record, epoch, epochs, "labels"))
            entry.finish([as_lists(boxes) for boxes in found])


def branch(experiment: Experiment, data: DataSets, task: Branch, record: Recorder) -> bool:
    """Phase 2, from where it was interrupted if it was; whether there was anything left to train."""
    with task.entry.lock(record.say), _keeping_bad_batch(task.entry, record):
        told = Kept(Journal(task.entry.folder / "journal"), record)
        unfinished = task.entry.result is None
        if unfinished:
            _train_branch(experiment, data, task, told)
            task.entry.finish("detector.pt")
        else:
            told.say_again()
    return unfinished


def scores(
    experiment: Experiment, data: DataSets, model: Path, entry: Entry, record: Recorder
) -> dict[str, dict[str, float]]:
    """What a trained detector is worth to each reader on the target test images, by the names of `Metrics`.

    Its folder also holds the metrics of resamples of these images: see `resampled`.
    """
    with entry.lock(record.say):
        told = Kept(Journal(entry.folder / "journal"), record)
        if entry.result is None:
            told.journal.truncate(0)
            entry.finish(_score(load(model, device_of(experiment)), data, experiment, entry, told))
        else:
            told.say_again()
        result: dict[str, dict[str, float]] = entry.result
        return result


def resampled(entry: Entry, readers: Iterable[str]) -> dict[str, Resampled]:
    """What `statistics.bootstrap` gave for each reader, from the folder of finished `scores`."""
    return dict(zip(readers, np.load(entry.folder / RESAMPLED), strict=True))


def branch_and_scores(
    experiment: Experiment, data: DataSets, task: Branch, place: Entry, record: Recorder
) -> tuple[Path, dict[str, dict[str, float]]]:
    """A variant to its end: the file of the detector, and its metrics for each reader."""
    branch(experiment, data, task, record)
    return task.model, scores(experiment, data, task.model, place, record)


def _train_branch(experiment: Experiment, data: DataSets, task: Branch, told: Kept) -> None:
    """Every epoch leaves a checkpoint; the last two are kept until the branch is at its end."""
    begun = time.monotonic()
    checkpoints = Checkpoints(task.entry.folder)
    target, source = (_frames(data, role, experiment) for role in ("target", "source"))
    if task.labels == "reference":
        target = frames_of(data.referenced(), experiment.training.image_size)
    reached = checkpoints.latest(told.say)
    epoch, notes = reached or (task.start, {"told": 0, "wall": 0.0})
    told.journal.truncate(notes["told"])
    told.say_again()
    before = checkpoints.path(epoch) if reached else task.checkpoint
    learner, tensors = (
        _resume(experiment, before) if before else (new_learner(experiment, task.seed, device_of(experiment)), {})
    )
    labels = [make_boxes(*boxes) for boxes in tensors["labels"]] if reached else list(target.boxes)
    course = Course(target, source, task.blur, experiment, task.seed, task.entry.folder / "synthetic")
    if task.corrects:
        found = None if reached else _shared_labels(experiment, data, task, told)
        cycles = self_train(learner, course, epoch, labels, found, told)
    else:
        cycles = train_on_initial_labels(learner, course, epoch, told)
    for cycle in cycles:
        _tell_cycle(experiment, data, learner.teacher, cycle, task, told)
        told.journal.sync()
        notes = {"told": len(told.journal), "wall": notes["wall"] + time.monotonic() - begun}
        begun = time.monotonic()
        checkpoints.write(cycle.epoch, learner, notes, {"labels": [as_lists(boxes) for boxes in cycle.labels]})
        checkpoints.forget(cycle.epoch - 2)
    told.metrics({"cost/wall_s": notes["wall"], "cost/peak_memory_mb": _peak_memory()}, experiment.training.epochs)
    save(learner.teacher, task.model)
    checkpoints.clear()
    shutil.rmtree(course.folder, ignore_errors=True)


@contextmanager
def _keeping_bad_batch(entry: Entry, record: Recorder) -> Iterator[None]:
    """Save the batch that made a loss no number, where it can be looked at."""
    try:
        yield
    except NonFiniteLoss as error:
        path = entry.folder / "bad_batch.pt"
        with whole_file(path) as file:
            torch.save({"images": error.batch.images, "targets": error.batch.targets}, file)
        record.file(path, "failure")
        raise


def _shared_labels(experiment: Experiment, data: DataSets, task: Branch, record: Recorder) -> list[Boxes] | None:
    """The pseudo labels of the trunk's checkpoint, made now if nobody has made them."""
    if task.first_labels is None or task.checkpoint is None:
        return None
    first_labels(experiment, data, task.checkpoint, task.first_labels, record)
    return [make_boxes(*boxes) for boxes in task.first_labels.result]


def _tell_cycle(
    experiment: Experiment, data: DataSets, detector: CellDetector, cycle: Cycle, task: Branch, record: Recorder
) -> None:
    if task.corrects:
        tell_labels(experiment, data, _to_files(cycle.labels, data, experiment), cycle.epoch, record)
    watched: dict[str, float] = {}
    for name in experiment.evaluation.every_epoch:
        watched |= _watch(name, detector, data, experiment)
    record.metrics({f"train/{name}": value for name, value in cycle.losses.items()} | watched, cycle.epoch)


def _watch(name: str, detector: CellDetector, data: DataSets, experiment: Experiment) -> dict[str, float]:
    """Metrics of a set of images that may be watched during correction."""
    frames = _frames(data, WATCHED[name], experiment)
    values = {f"{name}/AP50": evaluation.ap50(predict_frames(detector, frames), frames.boxes)}
    if name == "source_val":
        values["source_val/loss"] = mean_losses(detector, frames, experiment.training.source_batch)["loss"]
    return values


def _peak_memory() -> float:
    """Of this process so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # elsewhere the figure may begin with the parent's memory
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


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


def _score(
    detector: CellDetector, data: DataSets, experiment: Experiment, entry: Entry, record: Recorder
) -> dict[str, dict[str, float]]:
    epochs = experiment.training.epochs
    predicted, found = score_readers(
        detector,
        data.test,
        data.readers,
        experiment.evaluation.max_detections,
        progress_of(record, epochs, epochs, "scores"),
    )
    for reader, metrics in found.items():
        named = {f"{reader}/{name}": value for name, value in metrics.as_dict().items() if np.isfinite(value)}
        record.metrics(named, epochs)
    images = [(sample.name, sample.height, sample.width) for sample in data.test]
    record.json(to_coco(images, predicted), "predictions/target_test.json")
    drawn = [bootstrap(matches(predicted, truth)) for truth in data.readers.values()]
    with whole_file(entry.folder / RESAMPLED) as file:
        np.save(file, np.stack(drawn))
    return {reader: metrics.as_dict() for reader, metrics in found.items()}


def _resume(experiment: Experiment, path: Path) -> tuple[Learner, dict[str, Any]]:
    """A learner as it was at a checkpoint, bit by bit, and what else was kept there."""
    blank = experiment.detector.model_copy(update={"weights": "none"})
    detector = build(blank, experiment.training.image_size)
    detector.network.to(device_of(experiment))
    learner = make_learner(detector, experiment.training)
    return learner, checkpoint.restore(path, learner)


def _frames(data: DataSets, role: str, experiment: Experiment) -> Frames:
    return frames_of(getattr(data, role), experiment.training.image_size)


def _to_files(labels: Sequence[Boxes], data: DataSets, experiment: Experiment) -> list[Boxes]:
    size = experiment.training.image_size
    return [in_file_pixels(boxes, sample, size) for boxes, sample in zip(labels, data.target, strict=True)]


def tell_labels(experiment: Experiment, data: DataSets, labels: Sequence[Boxes], epoch: int, record: Recorder) -> None:
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
