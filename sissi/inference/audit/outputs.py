"""Output files of an audit: flags, a page, pictures, and labels to be corrected by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from sissi.boxes import Boxes, concatenate, make_boxes, scale
from sissi.data.formats import write_labels
from sissi.data.formats.coco import to_coco
from sissi.data.images.draw import Image, draw_boxes, write_picture
from sissi.data.sample import Sample
from sissi.inference.audit.flags import KINDS, Flags, Kind
from sissi.inference.audit.page import describe
from sissi.inference.audit.result import Audit
from sissi.report.html import as_html, as_png
from sissi.runtime.csv_records import to_csv
from sissi.runtime.files import write_whole

COLUMNS = ("rank", "image", "kind", "class", "left", "top", "right", "bottom", "score")
SIDES = ("left", "top", "right", "bottom")
COLOURS: dict[Kind, tuple[int, int, int]] = {"missing": (230, 159, 0), "wrong": (213, 94, 0), "loose": (204, 121, 167)}
LABEL = (86, 180, 233)
"""Colours (RGB) of flags and of labels that are in order, from Okabe & Ito's palette."""
LESS_THAN_GIVEN = float(np.nextafter(np.float32(1), np.float32(0)))
"""Highest score of a proposed box; labels have 1."""


def write_audit(audit: Audit, out: Path, count: int, format: str) -> None:
    """Write flags.csv, detections.json, index.html, and for the images most in doubt pictures/ and labels/.

    Args:
        audit: the audit.
        out: folder of the files.
        count: number of images with pictures and labels.
        format: format of the labels, which are those in doubt and the boxes that may be missing.
    """
    names = [(sample.name, sample.height, sample.width) for sample in audit.samples]
    tree = to_coco(names, audit.detections, audit.classes)
    write_whole(out / "detections.json", f"{json.dumps(tree)}\n".encode())
    write_whole(out / "flags.csv", to_csv(_rows(audit), COLUMNS).encode())
    first = audit.in_doubt()[:count]
    samples = [audit.samples[image] for image in first]
    if first:
        labels = [with_proposals(audit.samples[image].boxes, audit.shown(image)) for image in first]
        write_labels(format, samples, labels, out / "labels", audit.classes)
    for number, image in enumerate(first, start=1):
        sample = audit.samples[image]
        write_picture(
            _picture(sample, audit.shown(image)), out / "pictures" / f"{number:03d} {Path(sample.name).name}.png"
        )
    document = describe(audit)
    pictures = {picture.name: as_png(picture) for picture in document.pictures()}
    write_whole(out / "index.html", as_html(document, pictures).encode())


def with_proposals(labels: Boxes, flags: Flags) -> Boxes:
    """The labels of an image, unchanged, followed by the boxes that may be missing, with their scores below 1."""
    missing = flags.of_kind("missing").boxes
    proposed = make_boxes(missing.xyxy, np.minimum(missing.scores, LESS_THAN_GIVEN), missing.labels)
    return concatenate([labels, proposed])


def _rows(audit: Audit) -> Iterable[dict[str, object]]:
    for rank, (image, index) in enumerate(audit.ranked(), start=1):
        flags = audit.flags[image]
        boxes = flags.boxes
        yield {
            "rank": rank,
            "image": audit.samples[image].name,
            "kind": str(flags.kinds[index]),
            "class": audit.classes[boxes.labels[index] - 1],
            **dict(zip(SIDES, (f"{side:.1f}" for side in boxes.xyxy[index].tolist()), strict=True)),
            "score": f"{boxes.scores[index]:.4f}",
        }


def _picture(sample: Sample, flags: Flags) -> Image:
    image = sample.read()
    picture = draw_boxes(image, sample.boxes, LABEL)
    factor = picture.shape[1] / image.shape[1]
    for kind in KINDS:
        picture = draw_boxes(picture, scale(flags.of_kind(kind).boxes, factor, factor), COLOURS[kind])
    return picture
