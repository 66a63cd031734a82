"""Pascal VOC: an XML file an image, an `object` a box with its class and its corners."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from sissi.boxes import Boxes, make_boxes
from sissi.data.matching import check_classes, check_size, match_files, stem
from sissi.data.problems import Problems
from sissi.errors import DataError

CORNERS = ("xmin", "ymin", "xmax", "ymax")
Object = tuple[str, tuple[float, ...]]


def read_labels(
    labels: Path, images: Mapping[str, Path], classes: tuple[str, ...] | None, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each image that has an XML file of its stem, in pixels of the image as the file gives them.

    Pascal's own files count pixels from 1 and include the last one; most tools that write VOC today count from 0, and
    a file does not say which. So corners stay as they are, at most a pixel off.

    Args:
        labels: folder of the XML files.
        images: path of each image by its name below the image folder.
        classes: names of the objects that count as a cell; None: all.
        problems: takes objects without a usable box, which are dropped, and sizes that differ from the image's.

    Returns:
        Boxes by image name; images without an XML file do not appear.

    Raises:
        DataError: no such folder, a file that is not VOC's XML, or none of the classes is in any file.
    """
    files = match_files(labels, lambda file: file.suffix.lower() == ".xml", {n: stem(n) for n in images}, problems)
    objects = {name: _objects(file, images[name], problems) for name, file in files.items()}
    check_classes(labels, classes, {kind for found in objects.values() for kind, _ in found}, problems)
    return {
        name: make_boxes([box for kind, box in found if classes is None or kind in classes])
        for name, found in objects.items()
    }


def _objects(file: Path, image: Path, problems: Problems) -> list[Object]:
    root = _root(file)
    height, width = (_number(root.findtext(f"size/{side}")) for side in ("height", "width"))
    check_size(file, height, width, image, problems)
    objects = []
    for number, element in enumerate(root.iter("object"), start=1):
        corners = [_number(element.findtext(f"bndbox/{corner}")) for corner in CORNERS]
        kept = tuple(corner for corner in corners if corner is not None)
        if len(kept) == len(CORNERS):
            objects.append(((element.findtext("name") or "").strip(), kept))
        else:
            problems.add(file, "object without a usable box, dropped", f"object {number}")
    return objects


def _root(file: Path) -> Element:
    try:
        root: Element | None = parse(file).getroot()
    except DefusedXmlException as error:
        raise DataError(
            f"{file}: defines XML entities, which are refused as unsafe; write their text in place"
        ) from error
    except (ParseError, OSError, ValueError, LookupError) as error:
        raise DataError(f"{file}: cannot be read as XML: {error}; write it again, or take it out") from error
    if root is None or root.tag != "annotation":
        raise DataError(f"{file}: is not Pascal VOC, whose files have <annotation> around them")
    return root


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
