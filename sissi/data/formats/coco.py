"""COCO: one JSON file with `images`, `annotations` and `categories`; read for labels, written for pseudo labels."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sissi.boxes import Boxes, make_boxes, with_ignore_regions
from sissi.data.classes import LabelClasses, Row, numbered
from sissi.data.formats.coco_file import entries_of, id_of, read_tree, value_of
from sissi.data.formats.coco_segmentation import segmentation_extent
from sissi.data.formats.matching import check_classes, check_size, is_number
from sissi.data.formats.names import match_names
from sissi.data.formats.rotated import Corners
from sissi.data.formats.writing import one_file
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.names import CELL_NAME

Scored = tuple[Corners, float]
Placed = tuple[str, dict[str, Any]]


def read_labels(
    labels: Path, images: Mapping[str, Path], classes: LabelClasses, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each image that the file lists, in pixels of the image as the file gives them.

    An image is found by its `file_name`, see `match_names`. An annotation without `bbox` gives the box around its
    `segmentation`. Ids may be numbers or texts. Scores are kept where annotations have them. What cannot be used is
    left out and noted: crowd regions, unless `classes` has ignore regions, annotations of images that are not listed,
    ids that come twice, names that leave the image folder; an image with nothing but crowd regions that are left out
    has no labels.

    Args:
        labels: the JSON file.
        images: path of each image by its name below the image folder.
        classes: what the category names stand for.
        problems: takes what was left out.

    Returns:
        Boxes by image name, none for a listed image without annotations; images that are not listed do not appear, nor
        do those with `annotated: false` and no annotation, as COCO Annotator writes of images that were not looked at.

    Raises:
        DataError: the file is missing, is not JSON or lacks a key, or has none of the classes; names file and key.
    """
    tree = read_tree(labels)
    entries = entries_of(labels, tree, "images")
    names = _names_by_id(labels, entries, images, problems)
    known_ids = _category_names(labels, tree, classes, problems)
    annotations = _annotations(labels, tree, classes, problems)
    single = [(where, entry) for where, entry in annotations if not entry.get("iscrowd")]
    _note_classes(labels, known_ids, single, classes, problems)
    crowds = [(where, entry) for where, entry in annotations if entry.get("iscrowd")]
    crowded = {id_of(entry.get("image_id")) for _, entry in crowds} if classes.ignored is None else set()
    unknown = crowded | {id_of(entry["id"]) for entry in entries if entry.get("annotated") is False}
    unknown -= {id_of(entry.get("image_id")) for _, entry in single}
    known = {key: name for key, name in names.items() if name is not None and key not in unknown}
    found: dict[str, list[Row]] = {name: [] for name in known.values()}
    for where, entry in single:
        image_id, (corners, score) = value_of(labels, where, entry, "image_id"), _scored_box(labels, where, entry)
        if id_of(image_id) not in names:
            problems.add(labels, "annotation of an image that is not listed, dropped", f"{where}, image {image_id}")
            continue
        name = known.get(id_of(image_id))
        if name is not None:
            named = classes.only is not None or classes.meaning
            category = id_of(value_of(labels, where, entry, "category_id") if named else entry.get("category_id"))
            found[name].append((known_ids.get(category, category), corners, score))
    cells = numbered(labels, found, classes, problems)
    return cells if classes.ignored is None else _with_crowds(labels, cells, crowds, known)


def _with_crowds(
    labels: Path, cells: Mapping[str, Boxes], crowds: Sequence[Placed], known: Mapping[str, str]
) -> dict[str, Boxes]:
    """The boxes of each image, followed by its crowd regions as ignore regions."""
    regions: dict[str, list[Corners]] = {name: [] for name in cells}
    for where, entry in crowds:
        name = known.get(id_of(value_of(labels, where, entry, "image_id")))
        if name is not None:
            regions[name].append(_scored_box(labels, where, entry)[0])
    return {name: with_ignore_regions(boxes, make_boxes(regions[name])) for name, boxes in cells.items()}


def to_coco(
    images: Sequence[tuple[str, int, int]], boxes: Sequence[Boxes], classes: Sequence[str] = (CELL_NAME,)
) -> dict[str, Any]:
    """Boxes as the content of a COCO file, which `read_labels` reads back to the same boxes, scores and classes.

    Args:
        images: name, height and width (px) of each image.
        boxes: of each image, in px of the image.
        classes: names of the classes, from number 1 on.
    """
    annotations = [
        {"image_id": image, "category_id": label, "bbox": box, "area": box[2] * box[3], "score": score, "iscrowd": 0}
        for image, found in enumerate(boxes, start=1)
        for box, score, label in zip(_xywh(found), found.scores.tolist(), found.labels.tolist(), strict=True)
    ]
    return {
        "images": [
            {"id": index, "file_name": name, "height": height, "width": width}
            for index, ((name, height, width), _) in enumerate(zip(images, boxes, strict=True), start=1)
        ],
        "annotations": [{"id": number} | annotation for number, annotation in enumerate(annotations, start=1)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes, start=1)],
    }


def write_labels(
    samples: Sequence[Sample], labels: Sequence[Boxes], out: Path, classes: Sequence[str] = (CELL_NAME,)
) -> list[Path]:
    """Write one JSON file, `out` or `coco.json` in the folder `out`; boxes and scores are exact."""
    file = one_file(out, "coco.json")
    content = to_coco([(sample.name, sample.height, sample.width) for sample in samples], labels, classes)
    file.write_text(json.dumps(content), encoding="utf-8")
    return [file]


def _xywh(boxes: Boxes) -> list[list[float]]:
    # Python's floats have 64 bits, so that left + width gives back the same float32
    return [[left, top, right - left, bottom - top] for left, top, right, bottom in boxes.xyxy.tolist()]


def _annotations(labels: Path, tree: dict[str, Any], classes: LabelClasses, problems: Problems) -> list[Placed]:
    """The annotations, each with its place in the file; crowd regions that are dropped are noted."""
    placed = [(f"annotations[{index}]", entry) for index, entry in enumerate(entries_of(labels, tree, "annotations"))]
    ids = Counter(repr(entry["id"]) for _, entry in placed if "id" in entry)
    for repeated in [key for key, count in ids.items() if count > 1]:
        problems.add(labels, "annotation id that comes twice, all boxes used", f"id {repeated}")
    for where, entry in placed:
        if entry.get("iscrowd") and classes.ignored is None:
            problems.add(labels, "crowd region, dropped", where)
    return placed


def _scored_box(labels: Path, where: str, entry: dict[str, Any]) -> Scored:
    """Corners and score of an annotation; 1 where it has no score."""
    box = entry.get("bbox")
    corners = _corners(labels, where, box) if box else segmentation_extent(labels, where, entry.get("segmentation"))
    if corners is None:
        raise DataError(f"{labels}: {where}.bbox: is missing, or not [x, y, width, height]; there is no segmentation")
    score = entry.get("score", 1.0)
    if not is_number(score) or not 0 <= score <= 1:
        raise DataError(f"{labels}: {where}.score: is {score!r}, not a number from 0 to 1")
    return corners, float(score)


def _corners(labels: Path, where: str, box: Any) -> Corners:
    try:
        left, top, width, height = map(float, box if isinstance(box, list) else ())
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{labels}: {where}.bbox: is missing, or not [x, y, width, height]") from error
    return left, top, left + width, top + height


def _category_names(labels: Path, tree: dict[str, Any], classes: LabelClasses, problems: Problems) -> dict[str, str]:
    """Name of each category by its id; the file needs none where every label is a cell."""
    if classes.only is None and not classes.meaning:
        listed = tree.get("categories")
        named = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        return {id_of(entry.get("id")): str(entry.get("name")) for entry in named}
    names = {}
    for index, entry in enumerate(entries_of(labels, tree, "categories")):
        name, category = (value_of(labels, f"categories[{index}]", entry, key) for key in ("name", "id"))
        names[id_of(category)] = str(name)
    check_classes(labels, classes, set(names.values()), problems)
    return names


def _note_classes(
    labels: Path, names: Mapping[str, str], annotations: list[Placed], classes: LabelClasses, problems: Problems
) -> None:
    """Note annotations of classes that the file does not list, and several classes that all count as a cell."""
    for where, entry in annotations:
        if names and not classes.meaning and id_of(entry.get("category_id")) not in names:
            used = "used as a cell" if classes.only is None else "dropped"
            problems.add(labels, f"annotation of a class that is not listed, {used}", where)
    if classes.only is None:
        ids = {id_of(entry.get("category_id")) for _, entry in annotations}
        check_classes(labels, classes, {name for key, name in names.items() if key in ids}, problems)


def _names_by_id(
    labels: Path, entries: list[dict[str, Any]], images: Mapping[str, Path], problems: Problems
) -> dict[str, str | None]:
    """The image name of each id of the file, as text; None for an entry without an image."""
    listed: dict[str, str] = {}
    for index, entry in enumerate(entries):
        image_id, file_name = (value_of(labels, f"images[{index}]", entry, key) for key in ("id", "file_name"))
        if id_of(image_id) in listed:
            problems.add(labels, "image id that comes twice, the first is used", f"id {image_id}, {file_name}")
        else:
            listed[id_of(image_id)] = str(file_name)
    found = match_names(labels, listed, images, problems)
    for repeated in [name for name, count in Counter(name for name in found.values() if name).items() if count > 1]:
        problems.add(labels, "image that is listed twice, all boxes used", repeated)
    for entry in entries:
        name = found[id_of(entry["id"])]
        if name is not None:
            check_size(labels, entry.get("height"), entry.get("width"), images[name], problems)
    return found
