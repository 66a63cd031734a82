"""Prediction of images chunk by chunk, in this process or in jobs of an engine, with equal results.

Images of different chunks never share a batch, since boxes may differ in their last bits with the size of a batch. So
it does not matter which process predicts a chunk.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from sissi.config import ImageReading, PseudoLabels
from sissi.detector.model import CellDetector, predict, predict_each_class
from sissi.errors import DataError, SissiError
from sissi.inference.onnx_network import load_for_prediction
from sissi.inference.predict_images import DetectBatch, InputScale, Prediction, predict_images
from sissi.inference.progress_log import content_digest
from sissi.method.pseudo_labels import pseudo_labels
from sissi.runtime.engines import Engine
from sissi.runtime.events import Event, Notice, Part, Progress
from sissi.runtime.jobs import Job, Outcome
from sissi.runtime.recorder import Recorder

BATCHES = 8
"""Full batches of a chunk of images that are predicted whole."""
LEAST = 8
"""Chunks of a job at least, as far as all jobs have work: it has to start and to load the detector."""

Chunk = Mapping[str, Path]
"""Path of each image by its name."""


@dataclass(frozen=True)
class Task:
    """Everything besides the images that a prediction needs.

    Attributes:
        file: file of the detector.
        augmentation: test-time augmentation; None: each image is seen once.
        size: size of the input of the detector.
        batch: largest number of images or tiles in a batch.
        reading: planes and channels of the files that are the images.
    """

    file: Path
    augmentation: PseudoLabels | None
    size: InputScale
    batch: int
    reading: ImageReading


@dataclass(frozen=True, eq=False)
class Found:
    """Outcome of an image.

    Attributes:
        name: name of the image.
        outcome: prediction, or what is wrong with the file.
        sha256: digest of the file; empty if it cannot be read.
    """

    name: str
    outcome: Prediction | DataError
    sha256: str


def load_detector(file: Path) -> CellDetector:
    """The detector in a file, on a GPU if there is one.

    Raises:
        SissiError: the file is missing, damaged, or not a detector.
    """
    return load_for_prediction(file, "cuda" if torch.cuda.is_available() else "cpu")


def chunks_of(images: Mapping[str, Path], batch: int) -> list[Chunk]:
    """The images in chunks of `BATCHES` batches, in order."""
    items = iter(images.items())
    return list(iter(lambda: dict(islice(items, BATCHES * batch)), {}))


def predict_chunk(detector: CellDetector, task: Task, chunk: Chunk) -> Iterator[Found]:
    """Predict the images of a chunk in this process.

    Raises:
        SissiError: the GPU's memory is too small.
    """
    find, overlap = _finder(detector, task.augmentation), detector.settings.nms_iou
    try:
        for name, outcome in predict_images(chunk, find, task.size, task.batch, overlap, task.reading):
            yield Found(name, outcome, content_digest(chunk[name]) if isinstance(outcome, Prediction) else "")
    except torch.cuda.OutOfMemoryError:
        raise SissiError(f"the GPU's memory is too small for {task.batch} images at once: lower --batch") from None


def predict_in_jobs(
    engine: Engine,
    side_by_side: int,
    task: Task,
    chunks: Sequence[Chunk],
    on_found: Callable[[Found], None],
    notify: Callable[[str], None],
) -> None:
    """Predict images in jobs of an engine, each of which loads the detector once.

    Args:
        engine: engine.
        side_by_side: number of jobs at a time, where the engine does not know it better.
        task: settings.
        chunks: images.
        on_found: function that receives the outcome of each image, chunk by chunk in any order.
        notify: function that shows a sentence to the user.

    Raises:
        SissiError: a job failed; the others are ended first.
    """
    waiting: dict[str, dict[int, Chunk]] = {}

    def jobs() -> Iterator[Job]:
        begun = 0
        while begun < len(chunks):
            places = max(1, engine.room(side_by_side))
            guided = math.ceil((len(chunks) - begun) / (2 * places))  # shrinks, so that all end at nearly the same time
            end = min(len(chunks), begun + max(guided, min(LEAST, math.ceil(len(chunks) / places))))
            name = f"chunks {begun + 1} to {end}"
            waiting[name] = {number: chunks[number] for number in range(begun, end)}
            yield Job(name, predict_share, (task, waiting[name]))
            begun = end

    def on_event(name: str, event: Event) -> None:
        if isinstance(event, Part):
            number, found = event.value
            del waiting[name][number]  # a job that is submitted again does the rest
            for one in found:
                on_found(one)
        elif isinstance(event, Notice):
            notify(event.text)

    def ended(name: str, outcome: Outcome) -> None:
        if outcome.error is not None:
            told = f"{name} of {len(chunks)}: {outcome.error}; the same command goes on from here"
            raise SissiError("\n".join(filter(None, [told, outcome.details])))

    engine.run(jobs(), engine.side_by_side(side_by_side), on_event, ended)


def predict_share(task: Task, share: Mapping[int, Chunk], recorder: Recorder) -> None:
    """Body of a job: predict some of the chunks, which are given by their numbers, in order.

    Raises:
        SissiError: this machine does not see the detector or the images, or its memory is too small.
    """
    first = [path.parent for chunk in share.values() for path in chunk.values()][:1]
    for needed in [task.file, *first]:
        if not needed.exists():
            host = socket.gethostname()
            raise SissiError(f"{host}: does not see {needed.resolve()}; have it under the same path on all machines")
    detector = load_detector(task.file)
    for number, chunk in share.items():
        recorder.record(Part((number, list(predict_chunk(detector, task, chunk)))))
        recorder.record(Progress(number + 1, max(share) + 1, "predicting", 1.0))


def _finder(detector: CellDetector, augmentation: PseudoLabels | None) -> DetectBatch:
    """Function that predicts a batch, with or without test-time augmentation, with boxes of every usable score."""
    if augmentation is None:
        return lambda images: predict(detector, images)
    every = augmentation.model_copy(update={"score": augmentation.view_score})
    return lambda images: [
        pseudo_labels(lambda views: predict_each_class(detector, views), image, every) for image in images
    ]
