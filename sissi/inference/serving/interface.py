"""The labelling interface of a Label Studio project, as far as boxes need it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from sissi.data.formats.label_studio import TAGS
from sissi.errors import DataError


@dataclass(frozen=True)
class Interface:
    """Labelling interface.

    Attributes:
        tags: names of the `RectangleLabels` and of its `Image`.
        key: key of a task's data with the address of the image.
        labels: values that a rectangle can have; empty: unknown.
    """

    tags: tuple[str, str] = TAGS
    key: str = "image"
    labels: tuple[str, ...] = ()

    def names(self, classes: Sequence[str]) -> list[str]:
        """The label of each class of a detector; one class takes the only label there is, whatever its name.

        Raises:
            DataError: a class has no label.
        """
        if not self.labels:
            return list(classes)
        if len(classes) == len(self.labels) == 1:
            return list(self.labels)
        missing = [name for name in classes if name not in self.labels]
        if missing:
            raise DataError(
                f"the labelling interface has no label {', '.join(missing)}; it has {', '.join(self.labels)}: add a "
                f'<Label value="{missing[0]}"/> to its RectangleLabels'
            )
        return list(classes)


def read_interface(text: str) -> Interface:
    """The first `RectangleLabels` of a labelling interface, and its image.

    Raises:
        DataError: the text is no XML, or has no rectangles on an image.
    """
    try:
        root = fromstring(text)
    except (DefusedXmlException, ParseError, ValueError) as error:
        raise DataError(f"the labelling interface cannot be read as XML: {error}") from error
    rectangles = root.find(".//RectangleLabels")
    to_name = None if rectangles is None else rectangles.get("toName")
    images = {image.get("name"): image.get("value", "") for image in root.iter("Image")}
    if rectangles is None or to_name not in images or to_name is None:
        raise DataError("the labelling interface has no RectangleLabels on an Image; docs/correcting.md shows one")
    labels = tuple(label.get("value", "") for label in rectangles.iter("Label"))
    return Interface((rectangles.get("name", ""), to_name), images[to_name].removeprefix("$"), labels)
