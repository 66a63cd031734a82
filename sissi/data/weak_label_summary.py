"""Weak labels shown: lines and a table, against a truth if there is one, and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Literal, get_args

import cv2

from sissi.boxes import Boxes
from sissi.config import LabelFiles, WeakLabels
from sissi.data.formats.writing import label_files
from sissi.data.images.draw import draw_boxes
from sissi.data.labels import read_labels
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.data.weak_labelling import Labelled
from sissi.errors import DataError
from sissi.evaluation.label_quality import label_quality
from sissi.runtime.tables import Cell, Table, row_of
from sissi.weak_labels.cell_size import CellSize

QUALITY = ("labels", "cells", "precision", "recall", "F1", "mean IoU")
"""Columns of labels with a truth; a label is right that overlaps a cell of its own by an IoU of at least 0.5."""


ALL = "all"


def read_truth(
    path: Path, format: str, classes: Sequence[str] | None, samples: Sequence[Sample], problems: Problems
) -> list[Boxes | None]:
    """The true boxes of each image, of some classes or of all; None where the truth does not list it.

    Raises:
        DataError: there is no such format, the truth cannot be read, or it lists none of the images.
    """
    formats = get_args(LabelFiles.model_fields["format"].annotation)
    if format not in formats:
        raise DataError(f"--truth-format {format}: no such format; there are {', '.join(formats)}")
    if not path.exists():
        raise DataError(f"--truth {path}: no such file or folder")
    source = LabelFiles.model_validate({"format": format, "labels": path, "classes": classes or None})
    found = read_labels(source, Path(), samples, problems, "--truth", others=None)
    if not found:
        raise DataError(f"--truth {path}: lists none of the {len(samples)} images; it names them by their file names")
    return [found.get(sample.name) for sample in samples]


def describe_cell_size(settings: WeakLabels, estimated: CellSize | None) -> str:
    """A line that says how large a typical cell is, and how sure that is.

    Args:
        settings: with every size given.
        estimated: the estimate, if one was made.
    """
    if estimated is not None:
        return (
            f"cell size: {estimated.size:.0f} px, {estimated.confidence:.0%} sure ({estimated.reason}); "
            "--cell-size sets it"
        )
    if settings.cell_size == "auto":
        return "cell size: not needed, every size is set"
    return f"cell size: {settings.cell_size:g} px, as set"


def describe_each(labelled: Sequence[Labelled], truth: Sequence[Boxes | None] | None) -> list[str]:
    """A line for each image: the pipeline, why that one, how many labels, and with a truth how good they are."""
    lines = []
    for item, true in zip(labelled, truth or [None] * len(labelled), strict=True):
        parts = [f"{item.sample.name}: {item.choice.pipeline} ({item.choice.reason}), {len(item.sample.boxes)} labels"]
        if true is not None:
            parts += [f"{name} {value}" for name, value in _quality([item], [true]).items() if name != "labels"]
        lines.append(", ".join(parts))
    return lines


def summary_table(labelled: Sequence[Labelled], truth: Sequence[Boxes | None] | None) -> Table:
    """A row for each pipeline that was taken, and one for all.

    Without a truth it counts images and labels; with one, it says how good the labels are of the images that the truth
    lists, and of these alone.
    """
    known = [index for index in range(len(labelled)) if truth is None or truth[index] is not None]
    rows = []
    for pipeline in [*sorted({labelled[index].choice.pipeline for index in known}), ALL]:
        which = [index for index in known if pipeline in (labelled[index].choice.pipeline, ALL)]
        mine = [labelled[index] for index in which]
        count = str(sum(len(item.sample.boxes) for item in mine))
        cells = _quality(mine, [truth[index] for index in which]).values() if truth else (count,)
        rows.append([*row_of(pipeline, len(mine)), *(Cell(text, None) for text in cells)])
    caption = "Labels by pipeline." if truth is None else f"{len(known)} of {len(labelled)} images are in the truth."
    header = ["pipeline", "images", *(QUALITY if truth else ("labels",))]
    return Table("weak_labels", caption, header, rows)


def draw_labelled(labelled: Sequence[Labelled], out: Path, cell_size: float | Literal["auto"] = "auto") -> list[Path]:
    """A JPEG of each image with its labels, below `out` as the images are below their folder.

    Args:
        labelled: the images.
        out: folder of the pictures.
        cell_size: side in px of a square in the corner that shows the size of a typical cell; auto: none is drawn.

    Raises:
        DataError: two images would share a file.
    """
    files = label_files([item.sample for item in labelled], out, ".jpg")
    for item, file in zip(labelled, files, strict=True):
        picture = draw_boxes(
            item.sample.read(), item.sample.boxes, cell_size=None if cell_size == "auto" else cell_size
        )
        file.write_bytes(cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes())
    return files


def _quality(labelled: Sequence[Labelled], truth: Sequence[Boxes | None]) -> dict[str, str]:
    """The values of `QUALITY` by name; a dash for what is not defined."""
    quality = label_quality([item.sample.boxes for item in labelled], truth)
    shares = (quality.precision, quality.recall, quality.f1, quality.mean_iou)
    shown = [str(quality.labels), str(quality.cells), *("-" if isnan(share) else f"{share:.3f}" for share in shares)]
    return dict(zip(QUALITY, shown, strict=True))
