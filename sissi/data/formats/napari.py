"""napari: a CSV file an image with a layer of shapes, as napari saves and opens it, or with a layer of points.

napari has the centre of the first pixel at 0, so that its coordinates are those of sissi less half a pixel.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sissi.boxes import Boxes
from sissi.data.classes import LabelClasses, Row
from sissi.data.formats.csv_table import CsvTable, read_csv, read_float, read_score
from sissi.data.formats.matching import match_files, named_boxes, read_files
from sissi.data.formats.names import label_stems
from sissi.data.formats.outlines import POINT, ellipse_extent, point_extent, polygon_extent
from sissi.data.formats.rotated import Corners
from sissi.data.formats.writing import class_names, format_float, label_files
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.names import CELL_NAME

HALF_PIXEL = 0.5
COLUMNS = ("index", "shape-type", "vertex-index", "axis-0", "axis-1", "class", "score")
"""Those of napari, and two that it passes over when it opens a file."""
CLOSED = ("rectangle", "polygon", "ellipse")
"""Shapes that enclose something; the others are `line` and `path`."""
ELLIPSE_CORNERS = 4
Point = tuple[float, float]


def read_labels(
    labels: Path, images: Mapping[str, Path], classes: LabelClasses, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each image that has a CSV file of its stem, in pixels of the image.

    Rectangles, polygons and ellipses give the box around them, and points a box of the size of a cell; lines and paths
    are dropped and noted, and a file with nothing else has no labels. A file without a line below its header says that
    there is no cell. Of layers with more than two axes the last two count.

    Args:
        labels: folder of the CSV files.
        images: path of each image by its name below the image folder.
        classes: what the names in the column class stand for, which napari itself does not write.
        problems: takes what was dropped, and files with shapes of several planes.

    Returns:
        Boxes by image name, with the scores in the column score or 1; images without a CSV file do not appear.

    Raises:
        DataError: no such folder, a file that is no such CSV, or none of the classes is in any file.
    """
    files = match_files(
        labels, lambda file: file.suffix.lower() == ".csv", {n: label_stems(n) for n in images}, problems
    )
    read = read_files(labels, files, lambda _, file: _rows(file, classes.cell_size, problems), problems)
    rows = {name: found for name, found in read.items() if found is not None}
    return named_boxes(labels, rows, classes, problems)


def write_labels(
    samples: Sequence[Sample], labels: Sequence[Boxes], out: Path, classes: Sequence[str] = (CELL_NAME,)
) -> list[Path]:
    """Write a CSV file of rectangles an image into a folder; corners are exact to 1e-9 px, scores are exact."""
    files = label_files(samples, out, ".csv")
    for file, boxes in zip(files, labels, strict=True):
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(_lines(boxes, classes))
    return files


def _lines(boxes: Boxes, classes: Sequence[str]) -> Iterator[list[object]]:
    rows = zip(class_names(boxes, classes), boxes.xyxy.tolist(), boxes.scores, strict=True)
    for index, (name, (left, top, right, bottom), score) in enumerate(rows):
        for vertex, (x, y) in enumerate(((left, top), (right, top), (right, bottom), (left, bottom))):
            place = (y - HALF_PIXEL, x - HALF_PIXEL)
            yield [index, "rectangle", vertex, *place, name, format_float(score)]


def _rows(file: Path, cell_size: float | None, problems: Problems) -> list[Row] | None:
    """The cells of a file; None where it has shapes or points, but none with a box."""
    table = read_csv(file, "index, shape-type, vertex-index, axis-0 and axis-1")
    axes = sorted(name for name in table.columns if name.startswith("axis-"))
    if len(axes) < 2:
        raise DataError(f"{file}: has the columns {', '.join(table.columns)}; napari writes axis-0 and axis-1")
    if any(len({row[axis] for _, row in table.rows}) > 1 for axis in axes[:-2]):
        problems.add(file, "shapes of several planes, all used as of one")
    found = []
    for shape in _shapes(table):
        line, first = shape[0]
        try:
            points = [(read_float(row[axes[-1]]), read_float(row[axes[-2]])) for _, row in shape]
            score = read_score(first.get("score", ""))
        except ValueError as error:
            problems.add(file, "shape with a line that cannot be used, dropped", f"{file.name}:{line}: {error}")
            continue
        kind = first.get("shape-type", "point")
        corners = _extent(kind, [(x + HALF_PIXEL, y + HALF_PIXEL) for x, y in points], cell_size)
        if corners is None:
            problems.add(file, POINT if kind == "point" else "shape without a box, dropped", f"{file.name}:{line}")
        else:
            found.append((first.get("class", ""), corners, score))
    return found if found or not table.rows else None


def _shapes(table: CsvTable) -> list[list[tuple[int, dict[str, str]]]]:
    """The lines of each shape; each line of a layer of points."""
    if "shape-type" not in table.columns:
        return [[row] for row in table.rows]
    shapes: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for line, row in table.rows:
        shapes.setdefault(row.get("index", ""), []).append((line, row))
    return list(shapes.values())


def _extent(kind: str, points: list[Point], cell_size: float | None) -> Corners | None:
    if kind == "point":
        return None if cell_size is None else point_extent(points[0], cell_size)
    if kind not in CLOSED:
        return None
    if kind == "ellipse" and len(points) == ELLIPSE_CORNERS:
        return _ellipse(points)
    return polygon_extent(points)


def _ellipse(corners: list[Point]) -> Corners:
    """The box around the ellipse in a rectangle that may be rotated, from the corners of the rectangle in turn."""
    (x0, y0), (x1, y1), (x2, y2), _ = corners
    centre, radii = (
        ((x0 + x2) / 2, (y0 + y2) / 2),
        (math.dist((x0, y0), (x1, y1)) / 2, math.dist((x1, y1), (x2, y2)) / 2),
    )
    return ellipse_extent(centre, radii, math.degrees(math.atan2(y1 - y0, x1 - x0)))
