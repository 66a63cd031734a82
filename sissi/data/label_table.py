"""Labels as a data frame, a row a cell: for notebooks."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from sissi.boxes import EMPTY, Boxes
from sissi.config import LabelFiles
from sissi.config.classes import Meaning, names_of
from sissi.data import labels as label_files
from sissi.data.convert import sized_images
from sissi.data.problems import Problems
from sissi.names import CELL_NAME, FormatName

COLUMNS = ("class", "left", "top", "right", "bottom", "score")


def read_labels(
    labels: str | Path,
    images: str | Path,
    format: FormatName = "coco",
    *,
    classes: Meaning | None = None,
    cell_size: float | None = None,
) -> pd.DataFrame:
    """Read labels of any format, cut to their images.

    What was dropped or cut is a warning.

    Args:
        labels: folder of the label files, or the one file.
        images: folder of the images; of these only the sizes are read.
        format: of the labels, see docs/label-formats.md.
        classes: class by name in the labels; default: every label is a `cell`.
        cell_size: side of the box around a label that is a point, in px.

    Returns:
        A row a cell with the columns image, class, left, top, right, bottom (px of the image file) and score. The
        images that have labels, also those without cells, are under `attrs["images"]`.

    Raises:
        DataError: something cannot be read, or not one label is left.
    """
    problems, meaning = Problems(), classes or {}
    source = LabelFiles(format=format, labels=Path(labels), cell_size=cell_size)
    samples = sized_images(Path(images), format, problems)
    found = label_files.read_labels(source, Path(), samples, problems, format, classes=meaning)
    for line in problems.summary():
        warnings.warn(line, stacklevel=2)
    return label_table(found, names_of(meaning))


def label_table(labels: Mapping[str, Boxes], classes: Sequence[str] = (CELL_NAME,)) -> pd.DataFrame:
    """Boxes of images as `read_labels` gives them, with the names of the classes from number 1 on."""
    parts = [box_table(boxes, classes).assign(image=name) for name, boxes in labels.items()]
    table = pd.concat(parts, ignore_index=True) if parts else box_table(EMPTY, classes).assign(image="")
    table = table[["image", *COLUMNS]]
    table.attrs["images"] = list(labels)
    return table


def box_table(boxes: Boxes, classes: Sequence[str] = (CELL_NAME,)) -> pd.DataFrame:
    """Boxes as a data frame: class, left, top, right, bottom in px, and score."""
    table = pd.DataFrame(boxes.xyxy, columns=list(COLUMNS[1:5]))
    table.insert(0, "class", np.array(classes, object)[boxes.classes])
    return table.assign(score=boxes.scores)
