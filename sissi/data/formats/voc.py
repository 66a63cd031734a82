"""Pascal VOC: an XML file an image, an `object` a box with its class and its corners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from sissi.boxes import Boxes
from sissi.data.classes import LabelClasses, Row
from sissi.data.formats.matching import check_size, match_files, named_boxes, read_files
from sissi.data.formats.names import label_stems
from sissi.data.formats.outlines import polygon_extent
from sissi.data.formats.rotated import Corners
from sissi.data.formats.safe_xml import number, read_xml
from sissi.data.formats.writing import class_names, format_float, label_files, write_xml
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.names import CELL_NAME

CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read_labels(
    labels: Path, images: Mapping[str, Path], classes: LabelClasses, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each image that has an XML file of its stem, in pixels of the image as the file gives them.

    Pascal's own files count pixels from 1 and include the last one; most tools that write VOC today count from 0, and
    a file does not say which. So corners stay as they are, at most a pixel off. An object with a polygon alone gives
    the box around it; a file with objects of which none has a box has no labels.

    Args:
        labels: folder of the XML files.
        images: path of each image by its name below the image folder.
        classes: what the names of the objects stand for.
        problems: takes objects without a usable box, which are dropped, and sizes that differ from the image's.

    Returns:
        Boxes by image name; images without an XML file do not appear.

    Raises:
        DataError: no such folder, a file that is not VOC's XML, or none of the classes is in any file.
    """
    files = match_files(
        labels, lambda file: file.suffix.lower() == ".xml", {n: label_stems(n) for n in images}, problems
    )
    read = read_files(labels, files, lambda name, file: _objects(file, images[name], problems), problems)
    objects = {name: found for name, found in read.items() if found is not None}
    return named_boxes(labels, objects, classes, problems)


def write_labels(
    samples: Sequence[Sample], labels: Sequence[Boxes], out: Path, classes: Sequence[str] = (CELL_NAME,)
) -> list[Path]:
    """Write an XML file an image into a folder; corners as they are, exact, without scores, which VOC does not have."""
    files = label_files(samples, out, ".xml")
    for file, sample, boxes in zip(files, samples, labels, strict=True):
        write_xml(_tree(sample, boxes, classes), file)
    return files


def _tree(sample: Sample, boxes: Boxes, classes: Sequence[str]) -> Element:
    root = Element("annotation")
    SubElement(root, "filename").text = sample.path.name
    size = SubElement(root, "size")
    for side, length in (("width", sample.width), ("height", sample.height), ("depth", 3)):
        SubElement(size, side).text = str(length)
    for name, corners in zip(class_names(boxes, classes), boxes.xyxy, strict=True):
        element = SubElement(root, "object")
        SubElement(element, "name").text = name
        box = SubElement(element, "bndbox")
        for corner, value in zip(CORNERS, corners, strict=True):
            SubElement(box, corner).text = format_float(value)
    return root


def _objects(file: Path, image: Path, problems: Problems) -> list[Row] | None:
    """Class and corners of the objects of a file; None where it has objects, but none with a box."""
    root = read_xml(file, "annotation", "Pascal VOC")
    height, width = (number(root.findtext(f"size/{side}")) for side in ("height", "width"))
    check_size(file, height, width, image, problems)
    objects, dropped = [], False
    for place, element in enumerate(root.iter("object"), start=1):
        corners = _corners(element)
        if corners is None:
            problems.add(file, "object without a usable box, dropped", f"object {place}")
            dropped = True
        else:
            objects.append(((element.findtext("name") or "").strip(), corners, 1.0))
    return None if dropped and not objects else objects


def _corners(element: Element) -> Corners | None:
    """The box of an object, else the box around its polygon; None where it has neither."""
    corners = [number(element.findtext(f"bndbox/{corner}")) for corner in CORNERS]
    left, top, right, bottom = corners
    if left is not None and top is not None and right is not None and bottom is not None:
        return left, top, right, bottom
    polygon = list(element.iterfind("polygon//"))
    xs, ys = ([number(one.text) for one in polygon if one.tag.startswith(axis)] for axis in "xy")
    if len(xs) != len(ys):
        return None
    points = [(x, y) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None]
    return polygon_extent(points) if len(points) == len(xs) else None
