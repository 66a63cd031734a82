"""Grading of images in wells: the command `sissi grade`."""

from __future__ import annotations

import datetime
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from sissi.data.images.draw import draw_boxes, write_picture
from sissi.data.problems import Problems
from sissi.detector.model import CellDetector
from sissi.errors import DataError, SissiError
from sissi.inference.grading.deciding_cells import DecidingCell, class_scores, deciding_cells
from sissi.inference.grading.iso import LIMITS
from sissi.inference.grading.layout import by_layout
from sissi.inference.grading.page import Grades, describe
from sissi.inference.grading.tables import CELL_COLUMNS, cell_records, grade_records
from sissi.inference.grading.units import Graded, graded, units_of
from sissi.inference.grading.validation import (
    FILE,
    ConfusionFile,
    DetectorTables,
    Validation,
    measured,
    read_confusion,
    require_every_class,
    validation_images,
)
from sissi.inference.grading.viability import Groups, groups_of, prepare
from sissi.inference.grading.wells import Well, by_folder, by_pattern, find_well_images
from sissi.inference.outputs import PredictionSet
from sissi.inference.predict_chunks import load_detector
from sissi.inference.predict_folder import Options, input_scale, predict_with, show_problems
from sissi.inference.progress_log import content_digest
from sissi.inference.trained_model import TrainedModel, find_model
from sissi.report.html import as_html, as_png
from sissi.runtime.csv_records import to_csv
from sissi.runtime.files import write_whole

PROGRESS = "progress"
"""Folder in the output folder with the predictions so far."""


@dataclass(frozen=True)
class GradeOptions:
    """Options of grading.

    Attributes:
        predict: options of the prediction.
        pattern: regular expression with a group `well`; None: wells are folders.
        layout: CSV file that names the wells; None: see `pattern`.
        living, affected: names of classes; empty: see `groups_of`.
        limits: largest fractions of affected cells of grades 0 to 3.
        validation: labels to measure the detectors' errors with.
        confusion: file of an earlier measurement; None: the file beside the detector, if there is one.
    """

    predict: Options
    pattern: str | None = None
    layout: Path | None = None
    living: tuple[str, ...] = ()
    affected: tuple[str, ...] = ()
    limits: tuple[float, ...] = LIMITS
    validation: Validation | None = None
    confusion: Path | None = None


@dataclass(frozen=True, eq=False)
class Model:
    """A detector that takes part.

    Attributes:
        address: that somebody gave.
        trained: its file and the settings of its run.
        detector: from the file.
        sha256: of the file.
    """

    address: str
    trained: TrainedModel
    detector: CellDetector
    sha256: str


def grade_images(
    addresses: Sequence[str], arguments: Sequence[str], out: Path, options: GradeOptions, console: Console
) -> Grades:
    """Grade images in wells, and write grades.csv, cells.csv, index.html and pictures to a folder.

    Args:
        addresses: addresses of detectors, see `find_model`; counts of cells are those of the first.
        arguments: images, folders or patterns.
        out: folder of the results; it is created if necessary.
        options: options.
        console: console for progress and warnings.

    Raises:
        SissiError: a model, an image, a layout or labels cannot be used.
    """
    problems = Problems()
    images = find_well_images(arguments, problems)
    wells = _wells(images, options)
    models = _models(addresses, options.predict, console)
    classes = models[0].detector.classes
    groups = groups_of(classes, options.living, options.affected)
    tables, source = _errors(models, out, options, console, problems)
    errors = [require_every_class(one, classes, source) for one in tables]
    found = [
        predict_with(
            one.trained, one.detector, images, out / PROGRESS / f"{number}.jsonl", options.predict, console, problems
        )
        for number, one in enumerate(models, start=1)
    ]
    _require_scores(tables, found, source)
    how = prepare(groups, len(classes), len(models), errors)
    results = [graded(unit, found, how, options.limits) for unit in units_of(wells)]
    deciding = _deciding(models[0], found[0], results, groups, options.predict)
    grades = Grades(
        {one.address: one.sha256 for one in models},
        found,
        groups,
        options.limits,
        results,
        [one.total for one in errors],
        source,
        deciding,
        problems.summary(),
        shlex.join(["sissi", *sys.argv[1:]]),
        datetime.datetime.now().astimezone().date().isoformat(),
    )
    _write(grades, wells, tables, out, overlays=options.predict.overlays)
    show_problems(problems, console)
    return grades


def _wells(images: Mapping[str, Path], options: GradeOptions) -> dict[str, Well]:
    if options.layout is not None:
        return by_layout(images, options.layout)
    return by_folder(images) if options.pattern is None else by_pattern(images, options.pattern)


def _models(addresses: Sequence[str], options: Options, console: Console) -> list[Model]:
    models: list[Model] = []
    for address in addresses:
        trained = find_model(address, options.store, options.variant, partial(console.print, soft_wrap=True))
        detector = load_detector(trained.file)
        model = Model(address, trained, detector, content_digest(trained.file))
        for other in models:
            if other.sha256 == model.sha256:
                raise SissiError(f"{address}: is the same detector as {other.address}; name each once")
            if other.detector.classes != detector.classes:
                raise SissiError(
                    f"{address}: finds the classes {', '.join(detector.classes)}, and {other.address} finds "
                    f"{', '.join(other.detector.classes)}; detectors that are graded with must have the same"
                )
        models.append(model)
    return models


def _errors(
    models: Sequence[Model], out: Path, options: GradeOptions, console: Console, problems: Problems
) -> tuple[list[DetectorTables], str]:
    """Confusion matrices of each detector, and where they come from; none if they are unknown."""
    classes = models[0].detector.classes
    if options.validation is not None:
        return _measured(models, options.validation, out, options.predict, console, problems)
    files = [options.confusion or one.trained.file.with_name(FILE) for one in models]
    if options.confusion is None and not any(file.exists() for file in files):
        return [], ""
    tables = []
    for model, file in zip(models, files, strict=True):
        known = read_confusion(file, classes)
        if model.sha256 not in known:
            raise DataError(
                f"{file}: has no confusion matrix of {model.address}; measure the errors of every detector together, "
                "with --validation"
            )
        tables.append(known[model.sha256])
    return tables, ", ".join(dict.fromkeys(map(str, files)))


def _measured(
    models: Sequence[Model],
    validation: Validation,
    out: Path,
    options: Options,
    console: Console,
    problems: Problems,
) -> tuple[list[DetectorTables], str]:
    truth = validation_images(validation, models[0].detector.classes, options.reading, problems)
    images = {name: path for name, (path, _) in truth.items()}
    boxes = {name: true for name, (_, true) in truth.items()}
    tables = []
    for number, one in enumerate(models, start=1):
        state = out / PROGRESS / f"{number}-validation.jsonl"
        found = predict_with(one.trained, one.detector, images, state, options, console, problems)
        tables.append(measured(found, boxes, one.sha256))
    return tables, f"{validation.labels}, {len(truth)} images"


def _require_scores(tables: Sequence[DetectorTables], found: Sequence[PredictionSet], source: str) -> None:
    """Refuse confusion matrices of another lowest score.

    Raises:
        DataError: a score differs.
    """
    for one, predictions in zip(tables, found, strict=False):
        if abs(one.score - predictions.score) > 1e-6:
            raise DataError(
                f"{source}: counts cells from a score of {one.score:g} on, and here they count from "
                f"{predictions.score:g} on; give --score {one.score:g}, or --validation"
            )


def _deciding(
    model: Model, found: PredictionSet, results: Sequence[Graded], groups: Groups, options: Options
) -> dict[Well, Sequence[DecidingCell]]:
    """The cells that decide each borderline well."""
    borderline = [one.unit for one in results if one.unit.level == "well" and one.verdict == "borderline"]
    images = {name: found.images[name] for unit in borderline for name in unit.images}
    size = input_scale(model.trained, model.detector, options.tile)
    by_class = class_scores(model.detector, images, size, options.batch, found) if images else {}
    overlap = model.detector.settings.nms_iou
    return {unit.well: deciding_cells(unit.images, found, by_class, groups, overlap) for unit in borderline}


def _write(
    grades: Grades, wells: Mapping[str, Well], tables: Sequence[DetectorTables], out: Path, *, overlays: bool
) -> None:
    found = grades.found[0]
    write_whole(out / "grades.csv", to_csv(grade_records(grades.graded, grades.classes)).encode())
    write_whole(out / "cells.csv", to_csv(cell_records(found, wells), CELL_COLUMNS).encode())
    document = describe(grades)
    pictures = {picture.name: as_png(picture) for picture in document.pictures()}
    for name, (png, _) in pictures.items():
        write_whole(out / "pictures" / f"{name}.png", png)
    if tables:
        content = ConfusionFile(classes=list(grades.classes), detectors=list(tables))
        write_whole(out / FILE, content.model_dump_json(indent=1).encode())
    if overlays:
        for sample in found.samples:
            picture = draw_boxes(sample.read(), sample.boxes, classes=grades.classes)
            write_picture(picture, out / "overlays" / f"{sample.name}.png")
    write_whole(out / "index.html", as_html(document, pictures).encode())
