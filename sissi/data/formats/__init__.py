"""The label formats, a module each: boxes of images read and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sissi.boxes import Boxes
from sissi.data.classes import LabelClasses
from sissi.data.formats import (
    celllab,
    cellpose,
    cellpose_names,
    cells,
    coco,
    cvat,
    imagej,
    label_studio,
    napari,
    qupath,
    voc,
    yolo,
)
from sissi.data.formats.names import stem
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.names import CELL_NAME

Read = Callable[[Path, Mapping[str, Path], LabelClasses, Problems], dict[str, Boxes]]
"""Called with the label files, the images by name, what names in labels stand for, and what takes the problems."""
Write = Callable[[Sequence[Sample], Sequence[Boxes], Path, Sequence[str]], list[Path]]
"""Called with the images, their boxes, the place of the files, and the names of the classes from number 1 on."""


@dataclass(frozen=True)
class LabelFormat:
    """A label format.

    Attributes:
        read: gives raw boxes by image name; see `sissi.data.labels.read_labels` for clean ones.
        write: gives the files that it wrote.
        sought: gives the names under which the labels of an image are looked for, from the image's name.
        scores: whether it has a place for the score of a box.
        classes: whether it has a place for the class of a box.
    """

    read: Read
    write: Write
    sought: Callable[[str], str]
    scores: bool = True
    classes: bool = True


def _file(suffix: str) -> Callable[[str], str]:
    """The name of the label file of an image, of formats with a file an image."""
    return lambda name: f"{stem(name)}{suffix}"


FORMATS: dict[str, LabelFormat] = {
    "celllab": LabelFormat(celllab.read_labels, celllab.write_labels, _file(".txt"), scores=False),
    "cellpose": LabelFormat(
        cellpose.read_labels, cellpose.write_labels, cellpose_names.sought, scores=False, classes=False
    ),
    "cells": LabelFormat(cells.read_labels, cells.write_labels, str),
    "coco": LabelFormat(coco.read_labels, coco.write_labels, str),
    "cvat": LabelFormat(cvat.read_labels, cvat.write_labels, str),
    "imagej": LabelFormat(imagej.read_labels, imagej.write_labels, _file(".zip")),
    "label_studio": LabelFormat(label_studio.read_labels, label_studio.write_labels, str),
    "napari": LabelFormat(napari.read_labels, napari.write_labels, _file(".csv")),
    "qupath": LabelFormat(qupath.read_labels, qupath.write_labels, _file(".geojson")),
    "voc": LabelFormat(voc.read_labels, voc.write_labels, _file(".xml"), scores=False),
    "yolo": LabelFormat(yolo.read_labels, yolo.write_labels, _file(".txt")),
}


def left_out(format: str, classes: Sequence[str]) -> str:
    """What labels have and a format has no place for, in words: scores, classes, both or nothing.

    Args:
        format: name of a format.
        classes: names of the classes; one class is no loss.
    """
    known = FORMATS[format]
    return " and ".join(
        name
        for name, lost in (("scores", not known.scores), ("classes", not known.classes and len(classes) > 1))
        if lost
    )


def write_labels(
    format: str,
    samples: Sequence[Sample],
    labels: Sequence[Boxes],
    out: Path,
    classes: Sequence[str] = (CELL_NAME,),
) -> list[Path]:
    """Write the labels of images; read back by the format of the same name.

    Args:
        format: name of a format, see `FORMATS`.
        samples: whose labels they are; their own boxes do not matter.
        labels: of each sample, in px of the image file.
        out: a folder, made if it is missing; of formats with one file for all images (cells, coco, cvat, label_studio)
            also that file, if it has its suffix.
        classes: names of the classes, from number 1 on.

    Returns:
        The files that were written.

    Raises:
        DataError: there is no such format, or a name cannot be written in it.
        ValueError: samples and labels differ in number.
    """
    if format not in FORMATS:
        raise DataError(f"{format}: no such label format; there are {', '.join(FORMATS)}")
    if len(samples) != len(labels):
        raise ValueError(f"{len(labels)} sets of boxes for {len(samples)} images")
    return FORMATS[format].write(samples, labels, out, classes)
