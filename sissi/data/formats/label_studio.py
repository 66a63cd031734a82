"""Label Studio: tasks with predictions to be corrected by hand, and the JSON export with the corrections."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from sissi.boxes import Boxes, make_boxes
from sissi.data.formats.matching import check_classes, check_size, is_number, match_names
from sissi.data.formats.rotated import Corners, upright_extent
from sissi.data.formats.writing import CELL_NAME, one_file
from sissi.data.images.read import image_size
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError

LOCAL_FILES = "/data/local-files/?d="
"""Address under which Label Studio serves files below its LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT."""
UPLOADED = re.compile(r"^[0-9a-f]{8}-")
"""What Label Studio puts before the name of an image that is uploaded in the browser."""
SIDES = ("x", "y", "width", "height")
Row = tuple[str, Corners, float]
Tree = dict[str, Any]


def read_labels(
    labels: Path, images: Mapping[str, Path], classes: tuple[str, ...] | None, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each task of an export, in pixels of its image.

    Of a task the last annotation that was not cancelled counts; of one that nobody has annotated its last prediction,
    which is noted. Of a rotated rectangle the upright extent is taken; other regions are dropped and noted.

    Args:
        labels: the file of an export as JSON (not JSON-MIN), or one that `write_labels` wrote.
        images: path of each image by its name below the image folder.
        classes: labels that count as a cell; None: all.
        problems: takes what was left out.

    Returns:
        Boxes by image name, with their scores or 1; images without a task do not appear.

    Raises:
        DataError: the file is missing, is no such JSON, or has none of the classes.
    """
    tasks = _tasks(labels)
    names = match_names(labels, {place: _name(labels, place, task) for place, task in tasks.items()}, images, problems)
    rows: dict[str, list[Row]] = {name: [] for name in names.values() if name is not None}
    for place, name in names.items():
        if name is not None:
            regions = _regions(labels, place, tasks[place], problems)
            rows[name] += _rows(labels, place, regions, images[name], problems)
    check_classes(labels, classes, {kind for many in rows.values() for kind, _, _ in many}, problems)
    kept = {name: [row for row in many if classes is None or row[0] in classes] for name, many in rows.items()}
    return {name: make_boxes([box for _, box, _ in many], [score for *_, score in many]) for name, many in kept.items()}


def write_labels(samples: Sequence[Sample], labels: Sequence[Boxes], out: Path) -> list[Path]:
    """Write tasks with their boxes as predictions: one JSON file, `out` or `label_studio.json` in the folder `out`.

    Boxes and scores are exact. For a project whose labelling interface has an `Image` called image and
    `RectangleLabels` called label with the value `cell`; images come from Label Studio's local files, below a folder
    of the name that the image folder has.
    """
    tasks = [_task(sample, boxes) for sample, boxes in zip(samples, labels, strict=True)]
    file = one_file(out, "label_studio.json")
    file.write_text(json.dumps(tasks), encoding="utf-8")
    return [file]


def _task(sample: Sample, boxes: Boxes) -> Tree:
    scores = boxes.scores.tolist()
    regions = [
        _region(sample, corners, score, f"box-{place}")
        for place, (corners, score) in enumerate(zip(boxes.xyxy.tolist(), scores, strict=True), start=1)
    ]
    folder = sample.path.absolute().parents[len(PurePosixPath(sample.name).parts) - 1].name
    address = LOCAL_FILES + quote(f"{folder}/{sample.name}", errors="surrogateescape")
    # Label Studio orders tasks by the score of their prediction: the surest first
    prediction = {"model_version": "sissi", "score": min(scores, default=0.0), "result": regions}
    return {"data": {"image": address, "name": sample.name}, "predictions": [prediction]}


def _region(sample: Sample, corners: Sequence[float], score: float, key: str) -> Tree:
    left, top, right, bottom = corners
    value = {
        "x": 100 * left / sample.width,
        "y": 100 * top / sample.height,
        "width": 100 * (right - left) / sample.width,
        "height": 100 * (bottom - top) / sample.height,
        "rotation": 0,
        "rectanglelabels": [CELL_NAME],
    }
    return {
        "id": key,
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": sample.width,
        "original_height": sample.height,
        "score": score,
        "value": value,
    }


def _tasks(labels: Path) -> dict[str, Tree]:
    """The tasks by their places in the file."""
    try:
        tree = json.loads(labels.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{labels}: cannot be read as JSON: {error}; export it again") from error
    if not isinstance(tree, list):
        raise DataError(f"{labels}: is no list of tasks; export it from Label Studio as JSON")
    return {f"[{index}]": task for index, task in enumerate(tree)}


def _name(labels: Path, place: str, task: Any) -> str:
    """The name of a task's image: as `write_labels` gave it, else out of the image's address."""
    data = task.get("data") if isinstance(task, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("image"), str):
        raise DataError(f"{labels}: {place}.data.image: is missing; export as JSON, not as JSON-MIN")
    if isinstance(data.get("name"), str):
        return str(data["name"])
    address = urlsplit(data["image"])
    path = PurePosixPath(unquote(parse_qs(address.query).get("d", [address.path])[0]).lstrip("/"))
    return str(path.with_name(UPLOADED.sub("", path.name))) if "upload" in path.parts else str(path)


def _regions(labels: Path, place: str, task: Tree, problems: Problems) -> list[Any]:
    annotations = [one for one in _dicts(task, "annotations") if not one.get("was_cancelled")]
    if len(annotations) > 1:
        problems.add(labels, "task with several annotations, the last is used", place)
    if not annotations:
        problems.add(labels, "task that nobody has annotated, its prediction used", place)
    chosen = [*_dicts(task, "predictions"), *annotations][-1:]
    result = chosen[0].get("result") if chosen else []
    return result if isinstance(result, list) else []


def _dicts(task: Tree, key: str) -> list[Tree]:
    many = task.get(key)
    return [one for one in many if isinstance(one, dict)] if isinstance(many, list) else []


def _rows(labels: Path, place: str, regions: list[Any], image: Path, problems: Problems) -> Iterable[Row]:
    """Label, corners in px and score of the rectangles of a task."""
    height, width = image_size(image)
    for stated in {_stated_size(region) for region in regions}:
        check_size(labels, *stated, image, problems)
    for index, region in enumerate(regions):
        where = f"{place}.result[{index}]"
        kind = region.get("type") if isinstance(region, dict) else None
        if kind in ("rectanglelabels", "rectangle"):
            yield _row(labels, where, region, (height, width), problems)
        elif isinstance(kind, str) and kind.endswith("labels"):
            problems.add(labels, "region that is no rectangle, dropped", f"{where}, {kind}")


def _stated_size(region: Any) -> tuple[float, float]:
    """Height and width of the image that a region was drawn on, 0 where it does not say."""
    sides = [region.get(f"original_{side}") if isinstance(region, dict) else 0 for side in ("height", "width")]
    height, width = (side if isinstance(side, int | float) else 0 for side in sides)
    return height, width


def _row(labels: Path, where: str, region: Tree, size: tuple[int, int], problems: Problems) -> Row:
    value, (height, width) = region.get("value"), size
    if not isinstance(value, dict) or not all(is_number(value.get(side)) for side in SIDES):
        raise DataError(f"{labels}: {where}.value: has no numbers x, y, width and height")
    score: Any = 1.0 if region.get("score") is None else region["score"]
    rotation: Any = value.get("rotation")
    if not is_number(score) or not 0 <= score <= 1:
        raise DataError(f"{labels}: {where}.score: is {score!r}, not a number from 0 to 1")
    x, y, w, h = (value[side] for side in SIDES)
    left, top = x * width / 100, y * height / 100
    corners = (left, top, (x + w) * width / 100, (y + h) * height / 100)
    if is_number(rotation) and rotation != 0:
        problems.add(labels, "rotated rectangle, its upright extent used", where)
        corners = upright_extent(corners, rotation, (left, top))
    kinds = value.get("rectanglelabels")
    return str(kinds[0]) if isinstance(kinds, list) and kinds else "", corners, score
