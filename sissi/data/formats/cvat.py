"""CVAT: the XML of "CVAT for images 1.1", to have boxes corrected by hand in CVAT and to read them back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from sissi.boxes import Boxes
from sissi.data.classes import LabelClasses, Row
from sissi.data.formats.matching import check_size, named_boxes
from sissi.data.formats.names import match_names
from sissi.data.formats.outlines import POINT, ellipse_extent, pairs, point_extent, polygon_extent
from sissi.data.formats.rotated import Corners, upright_extent
from sissi.data.formats.safe_xml import number, read_xml
from sissi.data.formats.writing import class_names, format_float, one_file, write_xml
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.names import CELL_NAME

CORNERS = ("xtl", "ytl", "xbr", "ybr")
OTHER_SHAPES = ("polyline", "points", "cuboid", "skeleton")
"""That enclose nothing, or are no outline of a cell."""
SCORE = "score"
"""Attribute of a box that holds its score, which CVAT has no field for."""


def read_labels(
    labels: Path, images: Mapping[str, Path], classes: LabelClasses, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each image that the file lists, in pixels of the image as the file gives them.

    An image is found by its name as in COCO files. Of a rotated box the upright extent is taken; ellipses, polygons and
    masks give the box around them, points a box of the size of a cell. Other shapes are dropped and noted; an image
    with nothing else has no labels. An image without a shape has no cells: CVAT does not say whether a person has
    looked at it.

    Args:
        labels: the XML file, `annotations.xml` of an export as "CVAT for images 1.1".
        images: path of each image by its name below the image folder.
        classes: what the labels stand for, and the size of a cell around a point.
        problems: takes what was left out.

    Returns:
        Boxes by image name, with the scores in the attribute `score` or 1; images that are not listed do not appear.

    Raises:
        DataError: the file is missing, is not such XML, or has none of the classes.
    """
    root = read_xml(labels, "annotations", "CVAT's XML")
    if root.find("track") is not None:
        raise DataError(f"{labels}: is of a video; export the task as `CVAT for images 1.1`")
    elements = dict(enumerate(root.iter("image")))
    names = match_names(labels, {key: image.get("name", "") for key, image in elements.items()}, images, problems)
    rows: dict[str, list[Row]] = {}
    for key, name in names.items():
        if name is not None:
            height, width = (number(elements[key].get(side)) for side in ("height", "width"))
            check_size(labels, height, width, images[name], problems)
            found = _rows(labels, elements[key], classes.cell_size, problems)
            if found is not None:
                rows.setdefault(name, []).extend(found)
    return named_boxes(labels, rows, classes, problems)


def write_labels(
    samples: Sequence[Sample], labels: Sequence[Boxes], out: Path, classes: Sequence[str] = (CELL_NAME,)
) -> list[Path]:
    """Write one XML file, `out` or `annotations.xml` in the folder `out`; corners and scores are exact.

    To be uploaded as annotations to a CVAT task that has these images and a label for each class, if wanted with a text
    attribute `score`.
    """
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    for key, (sample, boxes) in enumerate(zip(samples, labels, strict=True)):
        size = {"width": str(sample.width), "height": str(sample.height)}
        image = SubElement(root, "image", {"id": str(key), "name": sample.name} | size)
        for name, corners, score in zip(class_names(boxes, classes), boxes.xyxy, boxes.scores, strict=True):
            fixed = {"label": name, "source": "file", "occluded": "0", "z_order": "0"}
            box = SubElement(image, "box", fixed | dict(zip(CORNERS, map(format_float, corners), strict=True)))
            SubElement(box, "attribute", {"name": SCORE}).text = format_float(score)
    file = one_file(out, "annotations.xml")
    write_xml(root, file)
    return [file]


def _rows(labels: Path, image: Element, cell_size: float | None, problems: Problems) -> list[Row] | None:
    """Label, corners and score of the cells of an image; None where it has shapes, but none with a box."""
    rows, dropped = [], False
    for place, shape in enumerate((one for one in image if one.tag in (*SHAPES, *OTHER_SHAPES)), start=1):
        where = f"{image.get('name', '')}, {shape.tag} {place}"
        points = _points(shape) if shape.tag == "points" else None
        if points and cell_size is not None:
            name, score = shape.get("label", ""), _score(labels, shape)
            rows += [(name, point_extent(point, cell_size), score) for point in points]
            continue
        corners = SHAPES[shape.tag](shape) if shape.tag in SHAPES else None
        if corners is None:
            problems.add(labels, POINT if points else "shape without a box, dropped", where)
            dropped = True
            continue
        if shape.tag == "box" and _rotation(shape):
            problems.add(labels, "rotated box, its upright extent used", where)
        rows.append((shape.get("label", ""), corners, _score(labels, shape)))
    return None if dropped and not rows else rows


def _numbers(shape: Element, *names: str) -> list[float] | None:
    found = [value for value in (number(shape.get(name)) for name in names) if value is not None]
    return found if len(found) == len(names) else None


def _rotation(shape: Element) -> float:
    return number(shape.get("rotation")) or 0.0


def _box(shape: Element) -> Corners | None:
    corners = _numbers(shape, *CORNERS)
    if corners is None:
        return None
    left, top, right, bottom = corners
    return upright_extent((left, top, right, bottom), _rotation(shape), ((left + right) / 2, (top + bottom) / 2))


def _ellipse(shape: Element) -> Corners | None:
    values = _numbers(shape, "cx", "cy", "rx", "ry")
    return None if values is None else ellipse_extent((values[0], values[1]), (values[2], values[3]), _rotation(shape))


def _polygon(shape: Element) -> Corners | None:
    points = _points(shape)
    return None if points is None else polygon_extent(points)


def _points(shape: Element) -> list[tuple[float, float]] | None:
    """The points of a shape; None where they are not numbers in pairs."""
    numbers = [number(text) for text in re.split("[,;]", shape.get("points", ""))]
    known = [value for value in numbers if value is not None]
    return pairs(known) if len(known) == len(numbers) and len(known) % 2 == 0 else None


def _mask(shape: Element) -> Corners | None:
    values = _numbers(shape, "left", "top", "width", "height")
    return None if values is None else (values[0], values[1], values[0] + values[2], values[1] + values[3])


SHAPES = {"box": _box, "ellipse": _ellipse, "polygon": _polygon, "mask": _mask}
"""The box of each shape that has one; None where its numbers are missing."""


def _score(labels: Path, box: Element) -> float:
    text = next((attribute.text for attribute in box.iter("attribute") if attribute.get("name") == SCORE), None)
    score = 1.0 if text is None else number(text)
    if score is None or not 0 <= score <= 1:
        raise DataError(f"{labels}: a {box.tag} has the score {text!r}, not a number from 0 to 1")
    return score
