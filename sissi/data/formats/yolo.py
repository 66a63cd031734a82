"""YOLO: a text file an image, a line a cell, in fractions of the image.

A box is `class x_centre y_centre width height [score]`, a polygon `class x y x y x y ... [score]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sissi.boxes import Boxes
from sissi.data.classes import LabelClasses, Row
from sissi.data.formats.matching import match_files, named_boxes, read_files
from sissi.data.formats.names import label_stems
from sissi.data.formats.outlines import pairs, polygon_extent
from sissi.data.formats.rotated import Corners
from sissi.data.formats.writing import label_files
from sissi.data.images.read import image_size
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.names import CELL_NAME

NAMES = "classes.txt"
NAME_FILES = (NAMES, "obj.names", "data.yaml", "dataset.yaml")
"""Where tools write the names of the classes, in the folder of the labels or up to two above it."""
DECIMALS = 9
"""Decimals of a written fraction; the rounding error in px is below float32 precision even in the widest image."""
ROUNDING = 1e-6
"""Largest part of the image's side by which a box may cross an edge unnoticed, since tools write six decimals."""
BOX = 4
"""Numbers of a box, besides class and score; a polygon has more."""


def read_labels(
    labels: Path, images: Mapping[str, Path], classes: LabelClasses, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each image that has a text file of its stem, in pixels of the image.

    A polygon of three corners or more gives the box around it. An empty file means that there is no cell. Lines that
    are neither boxes nor polygons are dropped and noted; a file with nothing else has no labels.

    Args:
        labels: folder of the text files.
        images: path of each image by its name below the image folder.
        classes: what the classes stand for, by the names in classes.txt, obj.names or data.yaml, or by their numbers.
        problems: takes what was dropped.

    Returns:
        Boxes by image name, with the scores of the file or 1; images without a text file do not appear.

    Raises:
        DataError: no such folder, a file that is no text, or none of the classes is in any file.
    """
    files = match_files(labels, _is_label, {name: label_stems(name) for name in images}, problems)
    known = _names(labels)
    read = read_files(labels, files, lambda n, file: _rows(file, image_size(images[n]), known, problems), problems)
    rows = {name: found for name, found in read.items() if found is not None}
    return named_boxes(labels, rows, classes, problems)


def write_labels(
    samples: Sequence[Sample], labels: Sequence[Boxes], out: Path, classes: Sequence[str] = (CELL_NAME,)
) -> list[Path]:
    """Write a text file an image into a folder, and classes.txt; nine decimals keep a box to 0.0001 px.

    Where a box of any image has a score below 1, all lines end with their score, as predictions of YOLO do.
    """
    files = label_files(samples, out, ".txt")
    scored = any((boxes.scores < 1).any() for boxes in labels)
    for file, sample, boxes in zip(files, samples, labels, strict=True):
        file.write_text("".join(_lines(sample, boxes, scored)), encoding="utf-8")
    names = out / NAMES
    names.write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
    return [*files, names]


def _lines(sample: Sample, boxes: Boxes, scored: bool) -> list[str]:
    lines = []
    for (left, top, right, bottom), score, label in zip(boxes.xyxy.tolist(), boxes.scores, boxes.labels, strict=True):
        centre = ((left + right) / 2 / sample.width, (top + bottom) / 2 / sample.height)
        sides = ((right - left) / sample.width, (bottom - top) / sample.height)
        fractions = " ".join(f"{value:.{DECIMALS}f}" for value in (*centre, *sides))
        lines.append(f"{label - 1} {fractions}{f' {score}' if scored else ''}\n")
    return lines


def _is_label(file: Path) -> bool:
    return file.suffix.lower() == ".txt" and file.name != NAMES


def _rows(file: Path, size: tuple[int, int], known: Mapping[str, str], problems: Problems) -> list[Row] | None:
    """The cells of a file; None where it has lines, but no cell."""
    rows, lines = [], _text(file).splitlines()
    for place, line in enumerate(lines, start=1):
        if line.strip():
            row = _row(line, size, known)
            if row is None:
                problems.add(file, "line that is no box, dropped", f"{file.name}:{place}: {line.strip()[:60]!r}")
            else:
                rows.append(row)
                if known and row[0] not in known.values():
                    problems.add(file, "class that has no name, used by its number", f"{file.name}:{place}: {row[0]}")
    return rows if rows or not any(line.strip() for line in lines) else None


def _row(line: str, size: tuple[int, int], known: Mapping[str, str]) -> Row | None:
    """Class, box in px and score of a line, or None if it is not a class with a box or a polygon."""
    height, width = size
    try:
        kind, *texts = line.split()
        numbers = [float(text) for text in texts]
        kind = str(int(float(kind))) if re.fullmatch(r"\d+\.0*", kind) else kind  # some tools write all as fractions
    except ValueError:
        return None
    coordinates = numbers[: len(numbers) // 2 * 2]
    score = numbers[-1] if len(numbers) % 2 else 1.0
    extent = _box(coordinates) if len(coordinates) == BOX else polygon_extent(pairs(coordinates))
    if extent is None or not 0 <= score <= 1:
        return None
    left, top, right, bottom = map(_snapped, extent)
    return known.get(kind, kind), (left * width, top * height, right * width, bottom * height), score


def _box(coordinates: list[float]) -> Corners:
    x, y, w, h = coordinates
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def _snapped(fraction: float) -> float:
    edge = min(max(fraction, 0.0), 1.0)
    return edge if abs(fraction - edge) <= ROUNDING else fraction


def _names(labels: Path) -> dict[str, str]:
    """Names of the classes by their numbers as text; empty where no file names them."""
    folders = (labels, *labels.absolute().parents[:2])
    file = next((folder / name for folder in folders for name in NAME_FILES if (folder / name).is_file()), None)
    if file is None:
        return {}
    found = _yaml_names(file) if file.suffix == ".yaml" else [line.strip() for line in _text(file).splitlines()]
    pairs = found.items() if isinstance(found, dict) else enumerate(found)
    return {str(place): str(name) for place, name in pairs if name != ""}


def _yaml_names(file: Path) -> Any:
    """The key `names` of a data set's YAML: a list, or a dict by number."""
    try:
        tree = yaml.safe_load(_text(file))
    except yaml.YAMLError as error:
        raise DataError(f"{file}: is not valid YAML: {error}") from error
    names = tree.get("names", []) if isinstance(tree, dict) else []
    if not isinstance(names, list | dict):
        raise DataError(f"{file}: names: is neither a list nor names by number")
    return names


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read as text: {error}; one line a box is expected") from error
