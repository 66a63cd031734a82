"""QuPath: a GeoJSON file an image, with an annotation for each cell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sissi.boxes import Boxes
from sissi.data.classes import LabelClasses
from sissi.data.formats.matching import match_files, named_boxes, read_files
from sissi.data.formats.names import label_stems
from sissi.data.formats.qupath_objects import IGNORED, object_rows
from sissi.data.formats.writing import class_names, label_files
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.names import CELL_NAME


def read_labels(
    labels: Path, images: Mapping[str, Path], classes: LabelClasses, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each image that has a GeoJSON file of its stem, in pixels of the image.

    See `object_rows` for what is a cell. A file without an object says that there is no cell.

    Args:
        labels: folder of the files, exported as GeoJSON from QuPath, each as or without a FeatureCollection.
        images: path of each image by its name below the image folder.
        classes: what the classifications stand for, and the size of a cell around a point.
        problems: takes what was left out.

    Returns:
        Boxes by image name, with the measurement `score` or 1; images without a file do not appear.

    Raises:
        DataError: no such folder, a file that is no GeoJSON, or none of the classes is in any file.
    """
    files = match_files(
        labels,
        lambda file: file.suffix.lower() in (".geojson", ".json"),
        {name: label_stems(name) for name in images},
        problems,
    )
    read = read_files(
        labels, files, lambda _, file: object_rows(file, _features(file), classes.cell_size, problems), problems
    )
    rows = {name: found for name, found in read.items() if found is not None}
    return named_boxes(labels, rows, classes, problems)


def write_labels(
    samples: Sequence[Sample], labels: Sequence[Boxes], out: Path, classes: Sequence[str] = (CELL_NAME,)
) -> list[Path]:
    """Write a GeoJSON file an image into a folder, with a rectangle for each cell; corners and scores are exact.

    Raises:
        DataError: the name of a class ends with `*`, by which QuPath knows regions that are to be ignored.
    """
    ignored = next((name for name in classes if name.endswith(IGNORED)), None)
    if ignored is not None:
        raise DataError(
            f"class {ignored!r}: QuPath ignores what has a name with {IGNORED} at the end; rename the class"
        )
    files = label_files(samples, out, ".geojson")
    for file, boxes in zip(files, labels, strict=True):
        collection = {"type": "FeatureCollection", "features": list(_written(boxes, classes))}
        file.write_text(json.dumps(collection), encoding="utf-8")
    return files


def _written(boxes: Boxes, classes: Sequence[str]) -> Iterator[dict[str, Any]]:
    rows = zip(class_names(boxes, classes), boxes.xyxy.tolist(), boxes.scores.tolist(), strict=True)
    for name, (left, top, right, bottom), score in rows:
        ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
        properties = {"objectType": "annotation", "classification": {"name": name}, "isLocked": False}
        yield {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": properties | {"measurements": {"score": score}},
        }


def _features(file: Path) -> list[Any]:
    """The objects of a file: of a FeatureCollection, a list, or the only one."""
    try:
        tree = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{file}: cannot be read as JSON: {error}; export it again") from error
    if isinstance(tree, dict):
        tree = [tree] if tree.get("type") == "Feature" else tree.get("features")
    if not isinstance(tree, list):
        raise DataError(f"{file}: is no GeoJSON: it holds no list of features")
    return tree
