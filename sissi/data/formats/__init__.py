"""Write boxes in any of the label formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sissi.boxes import Boxes
from sissi.data.formats import celllab, cellpose, coco, cvat, label_studio, voc, yolo
from sissi.data.sample import Sample
from sissi.errors import DataError

_WRITE: dict[str, Callable[[Sequence[Sample], Sequence[Boxes], Path], list[Path]]] = {
    "celllab": celllab.write_labels,
    "cellpose": cellpose.write_labels,
    "coco": coco.write_labels,
    "cvat": cvat.write_labels,
    "label_studio": label_studio.write_labels,
    "voc": voc.write_labels,
    "yolo": yolo.write_labels,
}
FORMATS = tuple(_WRITE)
WITHOUT_SCORES = ("celllab", "cellpose", "voc")
"""Formats that have no place for the score of a box."""


def write_labels(format: str, samples: Sequence[Sample], labels: Sequence[Boxes], out: Path) -> list[Path]:
    """Write the labels of images; read back by the format of the same name.

    Args:
        format: celllab, cellpose, coco, cvat, label_studio, voc or yolo.
        samples: whose labels they are; their own boxes do not matter.
        labels: of each sample, in px of the image file.
        out: a folder, made if it is missing; of formats with one file for all images (coco, cvat, label_studio) also
            that file, if it has its suffix.

    Returns:
        The files that were written.

    Raises:
        DataError: there is no such format, or a name cannot be written in it.
        ValueError: samples and labels differ in number.
    """
    if format not in _WRITE:
        raise DataError(f"{format}: no such label format; there are {', '.join(FORMATS)}")
    if len(samples) != len(labels):
        raise ValueError(f"{len(labels)} sets of boxes for {len(samples)} images")
    return _WRITE[format](samples, labels, out)
