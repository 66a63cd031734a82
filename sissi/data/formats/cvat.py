"""CVAT: the XML of "CVAT for images 1.1", to have boxes corrected by hand in CVAT and to read them back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from sissi.boxes import Boxes, make_boxes
from sissi.data.formats.matching import check_classes, check_size
from sissi.data.formats.names import match_names
from sissi.data.formats.rotated import Corners, upright_extent
from sissi.data.formats.safe_xml import number, read_xml
from sissi.data.formats.writing import CELL_NAME, format_float, one_file, write_xml
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError

CORNERS = ("xtl", "ytl", "xbr", "ybr")
SHAPES = ("polygon", "polyline", "points", "ellipse", "cuboid", "mask", "skeleton")
SCORE = "score"
"""Attribute of a box that holds its score, which CVAT has no field for."""
Row = tuple[str, Corners, float]


def read_labels(
    labels: Path, images: Mapping[str, Path], classes: tuple[str, ...] | None, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each image that the file lists, in pixels of the image as the file gives them.

    An image is found by its name as in COCO files. Of a rotated box the upright extent is taken. Other shapes than
    boxes are dropped and noted.

    Args:
        labels: the XML file, `annotations.xml` of an export as "CVAT for images 1.1".
        images: path of each image by its name below the image folder.
        classes: labels that count as a cell; None: all.
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
    rows: dict[str, list[Row]] = {name: [] for name in names.values() if name is not None}
    for key, name in names.items():
        if name is not None:
            height, width = (number(elements[key].get(side)) for side in ("height", "width"))
            check_size(labels, height, width, images[name], problems)
            rows[name] += _rows(labels, elements[key], problems)
    check_classes(labels, classes, {kind for many in rows.values() for kind, _, _ in many}, problems)
    kept = {name: [row for row in many if classes is None or row[0] in classes] for name, many in rows.items()}
    return {name: make_boxes([box for _, box, _ in many], [score for *_, score in many]) for name, many in kept.items()}


def write_labels(samples: Sequence[Sample], labels: Sequence[Boxes], out: Path) -> list[Path]:
    """Write one XML file, `out` or `annotations.xml` in the folder `out`; corners and scores are exact.

    To be uploaded as annotations to a CVAT task that has these images and a label `cell`, if wanted with a text
    attribute `score`.
    """
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    for key, (sample, boxes) in enumerate(zip(samples, labels, strict=True)):
        size = {"width": str(sample.width), "height": str(sample.height)}
        image = SubElement(root, "image", {"id": str(key), "name": sample.name} | size)
        for corners, score in zip(boxes.xyxy, boxes.scores, strict=True):
            fixed = {"label": CELL_NAME, "source": "file", "occluded": "0", "z_order": "0"}
            box = SubElement(image, "box", fixed | dict(zip(CORNERS, map(format_float, corners), strict=True)))
            SubElement(box, "attribute", {"name": SCORE}).text = format_float(score)
    file = one_file(out, "annotations.xml")
    write_xml(root, file)
    return [file]


def _rows(labels: Path, image: Element, problems: Problems) -> Iterable[Row]:
    """Label, corners and score of the boxes of an image."""
    name = image.get("name", "")
    for shape in image:
        if shape.tag in SHAPES:
            problems.add(labels, "shape that is no box, dropped", f"{name}, {shape.tag}")
    for place, box in enumerate(image.iter("box"), start=1):
        corners = [number(box.get(corner)) for corner in CORNERS]
        kept = [corner for corner in corners if corner is not None]
        if len(kept) < len(CORNERS):
            problems.add(labels, "box without usable corners, dropped", f"{name}, box {place}")
            continue
        left, top, right, bottom = kept
        rotation = number(box.get("rotation")) or 0.0
        if rotation:
            problems.add(labels, "rotated box, its upright extent used", f"{name}, box {place}")
        centre = ((left + right) / 2, (top + bottom) / 2)
        yield box.get("label", ""), upright_extent((left, top, right, bottom), rotation, centre), _score(labels, box)


def _score(labels: Path, box: Element) -> float:
    text = next((attribute.text for attribute in box.iter("attribute") if attribute.get("name") == SCORE), None)
    score = 1.0 if text is None else number(text)
    if score is None or not 0 <= score <= 1:
        raise DataError(f"{labels}: a box has the score {text!r}, not a number from 0 to 1")
    return score
