"""The CellLab layout: a text file an image, a line a box, `cell_type x_min y_min x_max y_max` in pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sissi.boxes import Boxes
from sissi.data.classes import LabelClasses, Row
from sissi.data.formats.matching import match_files, named_boxes, read_files
from sissi.data.formats.names import label_stems
from sissi.data.formats.writing import class_names, format_float, label_files
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.names import CELL_NAME


def read_labels(
    labels: Path, images: Mapping[str, Path], classes: LabelClasses, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each image that has a text file, in pixels of the image as the file gives them.

    The text file has the stem of its image and lies in `labels`, for an image in alive, inhib or dead also in the
    sub-folder of that name. An empty file says that there is no cell. Lines that are no box are dropped and
    noted; a file with nothing else has no labels.

    Args:
        labels: folder of the text files.
        images: path of each image by its name below the image folder.
        classes: what the cell types stand for.
        problems: takes what was dropped.

    Returns:
        Boxes by image name; images without a text file do not appear.

    Raises:
        DataError: no such folder, a file that is no text, or none of the classes is in any file.
    """
    files = match_files(
        labels, lambda file: file.suffix.lower() == ".txt", {n: label_stems(n) for n in images}, problems
    )
    read = read_files(labels, files, lambda _, file: _rows(file, problems), problems)
    rows = {name: found for name, found in read.items() if found is not None}
    return named_boxes(labels, rows, classes, problems)


def write_labels(
    samples: Sequence[Sample], labels: Sequence[Boxes], out: Path, classes: Sequence[str] = (CELL_NAME,)
) -> list[Path]:
    """Write a text file an image into a folder; corners are exact, scores have no place in it.

    Raises:
        DataError: the name of a class has a space, which ends the cell type of a line.
    """
    spaced = next((name for name in classes if " " in name), None)
    if spaced is not None:
        raise DataError(f"class {spaced!r}: celllab holds no name with a space; rename the class, or write coco")
    files = label_files(samples, out, ".txt")
    for file, boxes in zip(files, labels, strict=True):
        named = zip(class_names(boxes, classes), boxes.xyxy, strict=True)
        lines = (f"{name} {' '.join(map(format_float, corners))}\n" for name, corners in named)
        file.write_text("".join(lines), encoding="utf-8")
    return files


def _rows(file: Path, problems: Problems) -> list[Row] | None:
    """The boxes of a file; None where it has lines, but no box."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read as text: {error}; one line a box is expected") from error
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            row = _row(line)
            if row is None:
                problems.add(file, "line that is no box, dropped", f"{file.name}:{number}: {line.strip()[:60]!r}")
            else:
                rows.append(row)
    return rows if rows or not text.strip() else None


def _row(line: str) -> Row | None:
    """The cell type and the box of a line, or None if it is not five fields of which four are numbers."""
    try:
        kind, left, top, right, bottom = line.split()
        return kind, (float(left), float(top), float(right), float(bottom)), 1.0
    except ValueError:
        return None
