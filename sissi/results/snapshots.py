"""Boxes that this program wrote with `coco.to_coco`, read back without their image files."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from sissi.boxes import Boxes, make_boxes


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The boxes of a set of images.

    Attributes:
        sizes: height and width (px) of each image by its name, in the order of the file.
        boxes: of each image by its name, in px of the image.
    """

    sizes: dict[str, tuple[int, int]]
    boxes: dict[str, Boxes]


def read_snapshot(path: Path) -> Snapshot:
    """The boxes of a file, bit by bit as they were written."""
    tree = json.loads(path.read_text(encoding="utf-8"))
    found = defaultdict(list)
    for annotation in tree["annotations"]:
        found[annotation["image_id"]].append(annotation)
    return Snapshot(
        sizes={image["file_name"]: (image["height"], image["width"]) for image in tree["images"]},
        boxes={image["file_name"]: _boxes(found[image["id"]]) for image in tree["images"]},
    )


def _boxes(annotations: list[dict[str, list[float]]]) -> Boxes:
    corners = [(x, y, x + width, y + height) for x, y, width, height in (one["bbox"] for one in annotations)]
    return make_boxes(corners, [one["score"] for one in annotations], [one["category_id"] for one in annotations])
