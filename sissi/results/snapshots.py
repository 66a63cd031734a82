"""Boxes in files of `coco.to_coco`, read without the image files."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from sissi.boxes import Boxes, make_boxes
from sissi.names import CELL_NAME


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Boxes of a set of images.

    Attributes:
        sizes: height and width in px of each image by its name, in the order of the file.
        boxes: boxes of each image by its name, in px of the image.
        classes: names of the classes, from number 1 on.
    """

    sizes: dict[str, tuple[int, int]]
    boxes: dict[str, Boxes]
    classes: tuple[str, ...] = (CELL_NAME,)


def read_snapshot(path: Path) -> Snapshot:
    """Read the boxes of a file, bitwise equal to the written ones."""
    tree = json.loads(path.read_text(encoding="utf-8"))
    by_image = defaultdict(list)
    for annotation in tree["annotations"]:
        by_image[annotation["image_id"]].append(annotation)
    return Snapshot(
        sizes={image["file_name"]: (image["height"], image["width"]) for image in tree["images"]},
        boxes={image["file_name"]: _boxes(by_image[image["id"]]) for image in tree["images"]},
        classes=tuple(category["name"] for category in sorted(tree["categories"], key=lambda one: one["id"])),
    )


def _boxes(annotations: list[dict[str, list[float]]]) -> Boxes:
    sides = (annotation["bbox"] for annotation in annotations)
    corners = [(x, y, x + width, y + height) for x, y, width, height in sides]
    scores = [annotation["score"] for annotation in annotations]
    return make_boxes(corners, scores, [annotation["category_id"] for annotation in annotations])
