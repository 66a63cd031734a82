"""Boxes and counts for a lab's images from a trained detector: what `sissi predict` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from sissi import __version__
from sissi.config import ImageReading, PseudoLabels
from sissi.data.find import note_unread_parts
from sissi.data.formats import FORMATS
from sissi.data.image_arguments import find_arguments
from sissi.data.images.read import FIRST
from sissi.data.problems import Problems
from sissi.detector.model import CellDetector, load, predict
from sissi.errors import DataError, SissiError
from sissi.inference.outputs import PredictionSet, write_results
from sissi.inference.predict_images import DetectBatch, InputScale, Prediction, differs_in_scale, predict_images
from sissi.inference.progress_log import PredictionLog, content_digest
from sissi.inference.trained_model import TrainedModel, find_model
from sissi.method.pseudo_labels import pseudo_labels
from sissi.runtime.progress import image_bar

STATE = "progress.jsonl"
"""File in the output folder: what was found so far, at every score."""


@dataclass(frozen=True)
class Options:
    """How to predict.

    Attributes:
        score: boxes below it are left out of the results; None: what made a box a label in the model's training.
        tile: height and width in px of the part of an image that the detector sees at once, the size of the images
            that it was trained on; or auto: that of the model's run, for images that differ much from it in size; or
            none: whole images.
        tta: with the test-time augmentation of the model's training.
        overlays: also write the images with their boxes.
        format: of more label files, or None.
        batch: images or tiles that the detector sees at once.
        store: folder of the MLflow store.
        reading: planes and channels of the files that are the images.
    """

    score: float | None
    tile: tuple[int, int] | str
    tta: bool
    overlays: bool
    format: str | None
    batch: int
    store: Path
    reading: ImageReading = FIRST


def predict_folder(model: str, places: Sequence[str], out: Path, options: Options, console: Console) -> PredictionSet:
    """Find the cells of images and write them to a folder; images that an earlier run has done are taken from it.

    Args:
        model: see `find_model`.
        places: images, see `find_arguments`.
        out: the folder, made if it is missing; see `write_results` for what is in it.
        options: how.
        console: shows how far it is.

    Raises:
        SissiError: the model or a place cannot be used, or no image can be read.
    """
    if options.format is not None and options.format not in FORMATS:
        raise DataError(f"--format {options.format}: no such label format; there are {', '.join(FORMATS)}")
    problems = Problems()
    images = find_arguments(places, problems)
    trained = find_model(model, options.store)
    detector = load(trained.file, "cuda" if torch.cuda.is_available() else "cpu")
    augmentation = trained.pseudo_labels if options.tta else None
    size = _scale(trained, detector, options.tile)
    depends_on = _what_decides(trained.file, augmentation, size, options.reading)
    with PredictionLog(out / STATE, depends_on) as state:
        outcomes = _outcomes(images, _finder(detector, augmentation), size, options, detector, state, console)
    note_unread_parts(images.values(), problems, options.reading)
    if trained.image_size is None and size.tile is None:
        _note_shrunk(outcomes, images, size, problems)
    score = trained.pseudo_labels.score if options.score is None else options.score
    found = PredictionSet(images, outcomes, score, options.reading)
    write_results(found, out, overlays=options.overlays, format=options.format)
    for line in problems.summary():
        console.print(f"warning {line}", markup=False, highlight=False, soft_wrap=True)
    return found


def _outcomes(
    images: Mapping[str, Path],
    find: DetectBatch,
    size: InputScale,
    options: Options,
    detector: CellDetector,
    state: PredictionLog,
    console: Console,
) -> dict[str, Prediction | DataError]:
    """What is found in each image, or why it cannot be read; kept as soon as it is known."""
    before = {name: state.find(name, path) for name, path in images.items()}
    outcomes: dict[str, Prediction | DataError] = {name: one for name, one in before.items() if one is not None}
    waiting = {name: path for name, path in images.items() if name not in outcomes}
    if outcomes:
        console.print(f"{len(outcomes)} of {len(images)} images were done before", highlight=False)
    with image_bar(console, len(waiting)) as advance:
        try:
            overlap, reading = detector.settings.nms_iou, options.reading
            for name, outcome in predict_images(waiting, find, size, options.batch, overlap, reading):
                if isinstance(outcome, Prediction):
                    state.add(name, images[name], outcome)
                outcomes[name] = outcome
                advance()
        except torch.cuda.OutOfMemoryError:
            raise SissiError(f"the GPU's memory does not hold {options.batch} images at once: lower --batch") from None
    return outcomes


def _scale(trained: TrainedModel, detector: CellDetector, tile: tuple[int, int] | str) -> InputScale:
    if isinstance(tile, tuple):
        return InputScale(detector.image_size, tile)
    return InputScale(detector.image_size, trained.image_size if tile == "auto" else None, only_unlike=True)


def _finder(detector: CellDetector, augmentation: PseudoLabels | None) -> DetectBatch:
    """The detector, plain or as it makes pseudo labels; boxes of every score that takes part in the fusion."""
    if augmentation is None:
        return lambda images: predict(detector, images)
    every = augmentation.model_copy(update={"score": augmentation.view_score})
    return lambda images: [pseudo_labels(lambda views: predict(detector, views), image, every) for image in images]


def _what_decides(
    file: Path, augmentation: PseudoLabels | None, size: InputScale, reading: ImageReading
) -> dict[str, Any]:
    """What the boxes of an image depend on, as JSON gives it back."""
    seen = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(size).items()}
    views = None if augmentation is None else augmentation.model_dump(mode="json", exclude={"score", "on_empty"})
    found = {"sissi": __version__, "detector": content_digest(file), "test_time_augmentation": views, "scale": seen}
    return found if reading == FIRST else found | {"reading": reading.model_dump(mode="json")}


def _note_shrunk(
    outcomes: Mapping[str, Prediction | DataError], images: Mapping[str, Path], size: InputScale, problems: Problems
) -> None:
    for name, outcome in outcomes.items():
        if isinstance(outcome, Prediction) and differs_in_scale((outcome.height, outcome.width), size.seen):
            problems.add(
                images[name],
                f"image of other size than the {size.seen[0]}x{size.seen[1]} px that the detector sees, resized whole: "
                "if the images that it was trained on were of another size than this one, give theirs with --tile",
                f"{outcome.height}x{outcome.width} px",
            )
