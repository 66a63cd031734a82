"""Errors of detectors on validation images: measured, written to confusion.json, and read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, NonNegativeInt, PositiveFloat, ValidationError

from sissi.boxes import Boxes
from sissi.config import ImageReading, LabelFiles
from sissi.data.find import decode_all
from sissi.data.labels import read_labels, refuse_none
from sissi.data.problems import Problems
from sissi.errors import DataError
from sissi.evaluation.confusion import confusion
from sissi.inference.grading.detector_errors import DetectorErrors
from sissi.inference.grading.wells import find_well_images
from sissi.inference.outputs import PredictionSet
from sissi.names import FormatName

FILE = "confusion.json"
IOU = 0.5
"""Lowest IoU of a found and a true cell that are the same."""


@dataclass(frozen=True)
class Validation:
    """Labels by people, to measure the errors of detectors with.

    Attributes:
        labels: file or folder of the labels.
        images: folder, pattern or file of their images.
        format: of the labels.
        meaning: class by name in the labels, for names that are not those of the detector's classes.
    """

    labels: Path
    images: str
    format: FormatName = "coco"
    meaning: Mapping[str, str | None] | None = None


class ImageTable(BaseModel):
    """Confusion matrix of an image.

    Attributes:
        image: name of the image.
        px: area of the image in px.
        counts: cells by true class (rows; last: no cell) and found class (columns; last: missed).
    """

    image: str
    px: PositiveFloat
    counts: list[list[NonNegativeInt]]


class DetectorTables(BaseModel):
    """Confusion matrices of a detector.

    Attributes:
        sha256: of the detector's file.
        score: lowest score of a counted cell.
        images: matrix of each image.
    """

    sha256: str
    score: float
    images: list[ImageTable]

    def errors(self) -> DetectorErrors:
        """The matrices as arrays."""
        tables = np.array([one.counts for one in self.images], np.int64)
        return DetectorErrors(tables, np.array([one.px for one in self.images]))


class ConfusionFile(BaseModel):
    """Content of confusion.json.

    Attributes:
        format: version of the format.
        classes: names of the classes in order.
        iou: lowest IoU of a match.
        detectors: matrices of each detector.
    """

    format: Literal[1] = 1
    classes: list[str]
    iou: float = IOU
    detectors: list[DetectorTables]


def validation_images(
    given: Validation, classes: Sequence[str], reading: ImageReading, problems: Problems
) -> dict[str, tuple[Path, Boxes]]:
    """Path and true boxes of each validation image by its name.

    Args:
        given: the labels.
        classes: of the detectors.
        reading: planes and channels of the files that are the images.
        problems: takes what was dropped or cut.

    Raises:
        DataError: labels or images cannot be used, a name stands for a class that the detectors lack, or no image has
            labels.
    """
    meaning = {name: name for name in classes} | dict(given.meaning or {})
    unknown = [f"{name}={means}" for name, means in meaning.items() if means is not None and means not in classes]
    if unknown:
        raise DataError(f"--map {unknown[0]}: the detector has no such class; it has {', '.join(classes)}")
    images = find_well_images([given.images], problems)
    samples = decode_all(images, "--validation", problems, reading)
    source = LabelFiles(format=given.format, labels=given.labels)
    labels = read_labels(source, Path(), samples, problems, "--validation", others=None, classes=meaning)
    refuse_none(labels, source, Path(), samples, problems, "--validation")
    for sample in samples:
        if sample.name not in labels:
            problems.add(sample.path, "validation image without labels, not used")
    return {name: (images[name], boxes) for name, boxes in labels.items()}


def measured(found: PredictionSet, truth: Mapping[str, Boxes], sha256: str) -> DetectorTables:
    """Confusion matrices of a detector.

    Args:
        found: its predictions.
        truth: true boxes of each image by its name.
        sha256: of its file.
    """
    tables = [
        ImageTable(
            image=sample.name,
            px=sample.height * sample.width,
            counts=confusion([sample.boxes], [truth[sample.name]], len(found.classes), IOU).tolist(),
        )
        for sample in found.samples
    ]
    return DetectorTables(sha256=sha256, score=found.score, images=tables)


def read_confusion(path: Path, classes: Sequence[str]) -> dict[str, DetectorTables]:
    """Confusion matrices of a file by the sha256 of their detectors.

    Raises:
        DataError: the file cannot be read, has another form, or other classes.
    """
    try:
        content = ConfusionFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DataError(f"{path}: is no confusion matrix of `sissi grade`: {place}: {first['msg']}") from None
    if content.classes != list(classes):
        raise DataError(
            f"{path}: has the classes {', '.join(content.classes)}, and the detector {', '.join(classes)}; measure its "
            "errors again with --validation"
        )
    size = len(classes) + 1
    for one in (image for detector in content.detectors for image in detector.images):
        if len(one.counts) != size or any(len(row) != size for row in one.counts):
            raise DataError(f"{path}: {one.image}: a matrix of {len(classes)} classes has {size} rows and columns")
    return {detector.sha256: detector for detector in content.detectors}


def require_every_class(tables: DetectorTables, classes: Sequence[str], source: str) -> DetectorErrors:
    """The errors of a detector, if the validation has cells of every class.

    Raises:
        DataError: there is a class without a true cell, or no image.
    """
    errors = tables.errors() if tables.images else None
    missing = list(classes) if errors is None else [classes[index] for index in errors.unseen]
    if errors is None or missing:
        raise DataError(
            f"{source}: has no cell of the class {missing[0]}, so how often it is taken for another is not known; "
            "add images with such cells, or leave the validation out"
        )
    return errors
