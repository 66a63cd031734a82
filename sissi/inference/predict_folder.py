"""Boxes and counts for images by a trained detector: the command `sissi predict`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from sissi import __version__
from sissi.config import ImageReading, PseudoLabels
from sissi.data.find import note_unread_parts
from sissi.data.formats import FORMATS, left_out
from sissi.data.image_arguments import find_arguments
from sissi.data.images.read import FIRST
from sissi.data.problems import Problems
from sissi.detector.model import CellDetector
from sissi.errors import DataError
from sissi.inference.outputs import PredictionSet, write_results
from sissi.inference.predict_chunks import (
    Found,
    Task,
    chunks_of,
    load_detector,
    predict_chunk,
    predict_in_jobs,
)
from sissi.inference.predict_images import InputScale, Prediction, differs_in_scale
from sissi.inference.progress_log import PredictionLog, content_digest
from sissi.inference.trained_model import TrainedModel, find_model
from sissi.runtime.engines import Engine, open_engine
from sissi.runtime.progress import image_bar

STATE = "progress.jsonl"
"""Name of the file in the output folder with the predictions so far, at every score."""
PART_STATE = "progress-{}-of-{}.jsonl"
"""Name of that file for a part of the images."""


@dataclass(frozen=True)
class Options:
    """Options of a prediction.

    Attributes:
        score: lowest score of a box in the results; None: the lowest score of a pseudo label in the model's training.
        tile: height and width of a tile in px, the size of the training images; or auto: the size of the images in the
            model's run, for images of a very different size; or none: whole images.
        tta: whether to use the test-time augmentation of the model's training.
        overlays: whether to write pictures of the images with their boxes.
        format: format of further label files, or None.
        batch: number of images or tiles per batch.
        store: folder of the MLflow store.
        variant: row of the latest ablation, where the model is latest; None: the one that is preferred.
        reading: planes and channels of the files that are the images.
        part: number of a part from 1 on, and number of parts; None: all images.
        jobs: number of processes of this machine that predict; 1: this process does.
        address: HOST:PORT of a Ray cluster that predicts, or auto to start Ray on this machine; None: no Ray.
    """

    score: float | None
    tile: tuple[int, int] | str
    tta: bool
    overlays: bool
    format: str | None
    batch: int
    store: Path
    variant: str | None = None
    reading: ImageReading = FIRST
    part: tuple[int, int] | None = None
    jobs: int = 1
    address: str | None = None


def predict_folder(
    model: str, arguments: Sequence[str], out: Path, options: Options, console: Console
) -> PredictionSet:
    """Predict the cells of images and write them to a folder; finished images of an earlier call are not repeated.

    Of a part, only the predictions so far are written; a call for all images finds those of all parts.

    Args:
        model: address of the model, see `find_model`.
        arguments: files, folders or patterns of images, see `find_arguments`.
        out: folder of the results, see `write_results`; it is created if necessary.
        options: options of the prediction.
        console: console for progress and warnings.

    Raises:
        SissiError: the model or an argument cannot be used, or no image can be read.
    """
    if options.format is not None and options.format not in FORMATS:
        raise DataError(f"--format {options.format}: no such label format; use one of {', '.join(FORMATS)}")
    problems = Problems()
    images = find_arguments(arguments, problems)
    trained = find_model(model, options.store, options.variant, partial(console.print, soft_wrap=True))
    detector = load_detector(trained.file)
    state = out / STATE
    if options.part is not None:
        number, count = options.part
        images = dict(list(images.items())[number - 1 :: count])
        state = out / PART_STATE.format(number, count)
    predictions = predict_with(trained, detector, images, state, options, console, problems)
    if options.part is not None:
        show_problems(problems, console)
        return predictions
    write_results(predictions, out, overlays=options.overlays, format=options.format)
    lost = left_out(options.format, detector.classes) if options.format is not None else ""
    if lost:
        problems.add(
            out / "labels", f"{lost} left out", f"{options.format} has no place for them; predictions.json does"
        )
    show_problems(problems, console)
    return predictions


def show_problems(problems: Problems, console: Console) -> None:
    """Print a warning for each kind of problem."""
    for line in problems.summary():
        console.print(f"warning {line}", markup=False, highlight=False, soft_wrap=True)


def predict_with(
    trained: TrainedModel,
    detector: CellDetector,
    images: Mapping[str, Path],
    state: Path,
    options: Options,
    console: Console,
    problems: Problems,
) -> PredictionSet:
    """Predict the cells of images; finished images of an earlier call are not repeated.

    Args:
        trained: the model.
        detector: its detector, from `load_detector`.
        images: path of each image by its name.
        state: file with the predictions so far; it is created if necessary.
        options: options of the prediction; `overlays` and `format` do not matter.
        console: console for progress.
        problems: takes images that are read in part, and those of another size than the detector's.

    Raises:
        SissiError: the GPU's memory is too small, or Ray or a job of it fails.
    """
    augmentation = trained.pseudo_labels if options.tta else None
    size = input_scale(trained, detector, options.tile)
    depends_on = _dependencies(trained.file, augmentation, size, options.reading)
    parts = () if options.part else sorted(state.parent.glob(PART_STATE.format("*", "*")))
    task = Task(trained.file, augmentation, size, options.batch, options.reading)
    with PredictionLog(state, depends_on, parts) as log:
        outcomes = _outcomes(images, detector, task, options, log, console)
    note_unread_parts(images.values(), problems, options.reading)
    if trained.image_size is None and size.tile is None:
        _note_shrunk(outcomes, images, size, problems)
    score = trained.pseudo_labels.score if options.score is None else options.score
    return PredictionSet(images, outcomes, score, detector.classes, options.reading)


def _outcomes(
    images: Mapping[str, Path],
    detector: CellDetector,
    task: Task,
    options: Options,
    state: PredictionLog,
    console: Console,
) -> dict[str, Prediction | DataError]:
    """Prediction or reading error of each image; predictions are stored immediately."""
    stored = {name: state.find(name, path) for name, path in images.items()}
    outcomes: dict[str, Prediction | DataError] = {
        name: prediction for name, prediction in stored.items() if prediction is not None
    }
    waiting = {name: path for name, path in images.items() if name not in outcomes}
    if outcomes:
        console.print(f"{len(outcomes)} of {len(images)} images are already done", highlight=False)
    with image_bar(console, len(waiting)) as advance:

        def take(found: Found) -> None:
            if isinstance(found.outcome, Prediction):
                state.add(found.name, found.sha256, found.outcome)
            outcomes[found.name] = found.outcome
            advance()

        chunks = chunks_of(waiting, options.batch)
        if chunks and (options.jobs > 1 or options.address is not None):
            with _engine(options) as engine:
                predict_in_jobs(engine, options.jobs, task, chunks, take, partial(console.print, soft_wrap=True))
        else:
            for chunk in chunks:
                for found in predict_chunk(detector, task, chunk):
                    take(found)
    return outcomes


@contextmanager
def _engine(options: Options) -> Iterator[Engine]:
    """The engine of a prediction; of Ray, each node is looked at first."""
    name, address = ("local", "auto") if options.address is None else ("ray", options.address)
    with open_engine(name, options.store, "auto", address, gpus_per_job=1) as engine:
        if name == "ray":
            engine.machine()
        yield engine


def input_scale(trained: TrainedModel, detector: CellDetector, tile: tuple[int, int] | str) -> InputScale:
    """Size of the input of a model's detector, with tiles as in `Options`."""
    if isinstance(tile, tuple):
        return InputScale(detector.image_size, tile)
    return InputScale(detector.image_size, trained.image_size if tile == "auto" else None, only_unlike=True)


def _dependencies(
    file: Path, augmentation: PseudoLabels | None, size: InputScale, reading: ImageReading
) -> dict[str, Any]:
    """Everything besides the image that the boxes of an image depend on, as JSON values."""
    scale = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(size).items()}
    views = None if augmentation is None else augmentation.model_dump(mode="json", exclude={"score", "on_empty"})
    known = {"sissi": __version__, "detector": content_digest(file), "test_time_augmentation": views, "scale": scale}
    return known if reading == FIRST else known | {"reading": reading.model_dump(mode="json")}


def _note_shrunk(
    outcomes: Mapping[str, Prediction | DataError], images: Mapping[str, Path], size: InputScale, problems: Problems
) -> None:
    for name, outcome in outcomes.items():
        if isinstance(outcome, Prediction) and differs_in_scale((outcome.height, outcome.width), size.seen):
            problems.add(
                images[name],
                f"image of another size than the {size.seen[0]}x{size.seen[1]} px of the detector, resized as a whole: "
                "if the training images had another size than this one, set their size with --tile",
                f"{outcome.height}x{outcome.width} px",
            )
