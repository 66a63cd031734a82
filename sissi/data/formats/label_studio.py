"""Label Studio: tasks with predictions to be corrected by hand, and the JSON export with the corrections."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from sissi.boxes import Boxes
from sissi.data.classes import LabelClasses, Row
from sissi.data.formats.label_studio_regions import region_rows
from sissi.data.formats.label_studio_tasks import MODEL, image_name, read_tasks, submitted
from sissi.data.formats.matching import named_boxes
from sissi.data.formats.names import match_names
from sissi.data.formats.writing import class_names, one_file
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.names import CELL_NAME

LOCAL_FILES = "/data/local-files/?d="
"""Address under which Label Studio serves files below its LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT."""
TAGS = ("label", "image")
"""Names of the `RectangleLabels` and of the `Image` in the labelling interface that the documentation shows."""
Tree = dict[str, Any]


def read_labels(
    labels: Path, images: Mapping[str, Path], classes: LabelClasses, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each task of an export that a person has submitted, in pixels of its image.

    See `label_studio_tasks.submitted` for what counts. Rectangles give their upright extent; ellipses, polygons and
    brush strokes the box around them, key points a box of the size of a cell. Other regions are dropped and noted; a
    task with nothing else has no labels.

    Args:
        labels: the file of an export as JSON (not JSON-MIN), or one that `write_labels` wrote.
        images: path of each image by its name below the image folder.
        classes: what the labels stand for, and the size of a cell around a point.
        problems: takes what was left out.

    Returns:
        Boxes by image name, with their scores or 1; images without a submitted task do not appear.

    Raises:
        DataError: the file is missing, is no such JSON, or has none of the classes.
    """
    tasks = read_tasks(labels)
    listed = {place: image_name(labels, place, task, images) for place, task in tasks.items()}
    rows: dict[str, list[Row]] = {}
    for place, name in match_names(labels, listed, images, problems).items():
        regions = None if name is None else submitted(labels, place, tasks[place], problems)
        if name is None or regions is None:
            continue
        found = region_rows(labels, place, regions, images[name], classes.cell_size, problems)
        if found is not None:
            rows.setdefault(name, []).extend(found)
    return named_boxes(labels, rows, classes, problems)


def write_labels(
    samples: Sequence[Sample], labels: Sequence[Boxes], out: Path, classes: Sequence[str] = (CELL_NAME,)
) -> list[Path]:
    """Write tasks with their boxes as predictions: one JSON file, `out` or `label_studio.json` in the folder `out`.

    Boxes and scores are exact. For a project whose labelling interface has an `Image` called image and
    `RectangleLabels` called label with a value for each class, such as `cell`; images come from Label Studio's local
    files, below a folder of the name that the image folder has.
    """
    tasks = [_task(sample, boxes, classes) for sample, boxes in zip(samples, labels, strict=True)]
    file = one_file(out, "label_studio.json")
    file.write_text(json.dumps(tasks), encoding="utf-8")
    return [file]


def _task(sample: Sample, boxes: Boxes, classes: Sequence[str]) -> Tree:
    folder = sample.path.absolute().parents[len(PurePosixPath(sample.name).parts) - 1].name
    address = LOCAL_FILES + quote(f"{folder}/{sample.name}", errors="surrogateescape")
    found = prediction(boxes, (sample.height, sample.width), class_names(boxes, classes))
    return {"data": {"image": address, "name": sample.name}, "predictions": [found]}


def prediction(
    boxes: Boxes, size: tuple[int, int], names: Sequence[str], tags: tuple[str, str] = TAGS, model: str = MODEL
) -> Tree:
    """A prediction as Label Studio reads it.

    Args:
        boxes: in px of the image.
        size: height and width of the image, in px.
        names: label of each box, as the labelling interface has it.
        tags: names of the `RectangleLabels` and of the `Image` of the labelling interface.
        model: the model_version.
    """
    scores = boxes.scores.tolist()
    regions = [
        _region(size, name, corners, score, f"box-{place}", tags)
        for place, (name, corners, score) in enumerate(zip(names, boxes.xyxy.tolist(), scores, strict=True), start=1)
    ]
    # Label Studio orders tasks by the score of their prediction: the surest first
    return {"model_version": model, "score": min(scores, default=0.0), "result": regions}


def _region(
    size: tuple[int, int], name: str, corners: Sequence[float], score: float, key: str, tags: tuple[str, str]
) -> Tree:
    (height, width), (left, top, right, bottom) = size, corners
    value = {
        "x": 100 * left / width,
        "y": 100 * top / height,
        "width": 100 * (right - left) / width,
        "height": 100 * (bottom - top) / height,
        "rotation": 0,
        "rectanglelabels": [name],
    }
    return {
        "id": key,
        "type": "rectanglelabels",
        "from_name": tags[0],
        "to_name": tags[1],
        "original_width": width,
        "original_height": height,
        "score": score,
        "value": value,
    }
