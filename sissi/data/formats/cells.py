"""A table of cells: one CSV file with a line for each cell, for spreadsheets, R and pandas."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sissi.boxes import Boxes
from sissi.data.classes import LabelClasses, Row
from sissi.data.formats.csv_table import read_csv, read_float, read_score
from sissi.data.formats.matching import named_boxes
from sissi.data.formats.names import match_names
from sissi.data.formats.outlines import POINT, point_extent
from sissi.data.formats.rotated import Corners
from sissi.data.formats.writing import class_names, format_float, one_file
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.names import CELL_NAME

CORNERS = ("left", "top", "right", "bottom")
POINTS = ("x", "y")
COLUMNS = ("image", "class", *CORNERS, "score")


def read_labels(
    labels: Path, images: Mapping[str, Path], classes: LabelClasses, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each image that the table names, in pixels of the image.

    A line with an image and no numbers says that this image has no cells. Of a table with the columns x and y in place
    of the corners, each line is a point. Lines that are no cell are dropped and noted; an image with nothing else has
    no labels.

    Args:
        labels: the CSV file, with the columns image, left, top, right and bottom, or image, x and y; if wanted also
            class and score.
        images: path of each image by its name below the image folder.
        classes: what the names in the column class stand for, and the size of a cell around a point.
        problems: takes what was dropped.

    Returns:
        Boxes by image name, with their scores or 1; images that no line names do not appear.

    Raises:
        DataError: the file is missing, is no such table, or has none of the classes.
    """
    table = read_csv(labels, ", ".join(COLUMNS))
    numbers = CORNERS if set(CORNERS) <= set(table.columns) else POINTS
    if not {"image", *numbers} <= set(table.columns):
        raise DataError(
            f"{labels}: has the columns {', '.join(table.columns)}; needed are image and {', '.join(CORNERS)}, or "
            f"image, {' and '.join(POINTS)}; class and score are optional"
        )
    matched = match_names(labels, {row["image"]: row["image"] for _, row in table.rows}, images, problems)
    rows: dict[str, list[Row]] = {}
    for line, row in table.rows:
        name = matched[row["image"]]
        found = None if name is None else _cell(f"{labels.name}:{line}", labels, row, numbers, classes, problems)
        if name is not None and found is not None:
            rows.setdefault(name, []).extend(found)
    return named_boxes(labels, rows, classes, problems)


def write_labels(
    samples: Sequence[Sample], labels: Sequence[Boxes], out: Path, classes: Sequence[str] = (CELL_NAME,)
) -> list[Path]:
    """Write one table, `out` or `cells.csv` in the folder `out`; corners and scores are exact.

    An image without cells has a line without numbers.
    """
    file = one_file(out, "cells.csv")
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for sample, boxes in zip(samples, labels, strict=True):
            writer.writerows(_lines(sample.name, boxes, classes))
    return [file]


def _lines(image: str, boxes: Boxes, classes: Sequence[str]) -> Iterator[list[str]]:
    if not len(boxes):
        yield [image, *[""] * (len(COLUMNS) - 1)]
    for name, corners, score in zip(class_names(boxes, classes), boxes.xyxy, boxes.scores, strict=True):
        yield [image, name, *map(format_float, corners), format_float(score)]


def _cell(
    where: str, labels: Path, row: Mapping[str, str], numbers: Sequence[str], classes: LabelClasses, problems: Problems
) -> list[Row] | None:
    """The cell of a line; none where the line says that there are none; None for a line that cannot be used."""
    texts = [row[column] for column in numbers]
    if not any(texts):
        return []
    try:
        values = [read_float(text) for text in texts]
        score = read_score(row.get("score", ""))
    except ValueError as error:
        problems.add(labels, "line that is no cell, dropped", f"{where}: {error}")
        return None
    if numbers == POINTS and classes.cell_size is None:
        problems.add(labels, POINT, where)
        return None
    corners = _corners(values, classes.cell_size)
    return [(row.get("class", ""), corners, score)]


def _corners(values: Sequence[float], cell_size: float | None) -> Corners:
    if cell_size is not None and len(values) == len(POINTS):
        return point_extent((values[0], values[1]), cell_size)
    left, top, right, bottom = values
    return left, top, right, bottom
