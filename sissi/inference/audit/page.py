"""The page of an audit: how many boxes are in doubt, and pictures of the most certain ones of each kind."""

from __future__ import annotations

import math

import numpy as np

from sissi.boxes import concatenate, make_boxes
from sissi.data.images.draw import Image
from sissi.figures import Panel, crop_around, side_by_side
from sissi.inference.audit.flags import KINDS, Kind
from sissi.inference.audit.result import Audit
from sissi.report.document import Document, Picture, Section
from sissi.runtime.tables import Table, row_of

MOST = 16
"""Pictures of a kind."""
FLAGGED, LABEL, SUGGESTED = 1, 2, 3
"""Colours of a picture: orange, sky blue, green."""
TITLES: dict[Kind, str] = {
    "missing": "Likely missing: a cell without a label",
    "wrong": "Likely wrong: a label without a cell",
    "loose": "Likely loose: a label that does not fit its cell",
}
CAPTIONS: dict[Kind, str] = {
    "missing": "Orange: the box that may be missing.",
    "wrong": "Orange: the label that may be wrong.",
    "loose": "Orange: the label; green: where detectors that never saw the image find the cell.",
}


def describe(audit: Audit) -> Document:
    """The page's content."""
    counts = audit.counts()
    amount = sum(len(sample.boxes) for sample in audit.samples)
    lead = [
        f"{len(audit.samples):,} images with {amount:,} labels. In doubt with a score of {audit.score:g} or more: "
        f"{counts['missing']:,} boxes that may be missing, {counts['wrong']:,} labels that may be wrong, and "
        f"{counts['loose']:,} that may be loose.",
        _completeness(audit),
        "Every detection is by a detector that was trained without the image. What all detectors take for a cell, or "
        "for none, since the labels say so everywhere, is not found.",
    ]
    sections = [_section(audit, kind) for kind in KINDS if counts[kind]]
    return Document("Audit of labels", lead, [*sections, _images(audit)])


def _completeness(audit: Audit) -> str:
    known = audit.certain.all
    if math.isnan(known.recall):
        return "Detections find too few labels to estimate how complete the labels are; scores are less certain for it."
    return (
        f"Share of the cells that have a label: {100 * known.recall:.0f} % (95 % interval {100 * known.low:.0f} to "
        f"{100 * known.high:.0f} %), estimated from detections and labels alone. If cells of some look were left out "
        "everywhere, it is too high, and scores of missing boxes too low: a lower --score shows more."
    )


def _section(audit: Audit, kind: Kind) -> Section:
    first = [(image, index) for image, index in audit.ranked() if audit.flags[image].kinds[index] == kind][:MOST]
    pixels: dict[int, Image] = {}
    panels = []
    for number, (image, index) in enumerate(first, start=1):
        sample, flags = audit.samples[image], audit.flags[image]
        if image not in pixels:
            pixels[image] = sample.read()
        box = flags.boxes.take(np.array([index]))
        drawn = concatenate(
            [
                make_boxes(sample.boxes.xyxy, None, [LABEL] * len(sample.boxes)),
                *([make_boxes(flags.suggestions[[index]], None, [SUGGESTED])] if kind == "loose" else []),
                make_boxes(box.xyxy, None, [FLAGGED]),
            ]
        )
        part, boxes = crop_around(pixels[image], box, drawn)
        panels.append(Panel(f"{number}: {box.scores[0]:.2f}", part, boxes))
    caption = f"{CAPTIONS[kind]} Blue: the other labels. The most certain {len(first)}, with their scores."
    rows = []
    for number, (image, index) in enumerate(first, start=1):
        left, top, right, bottom = audit.flags[image].boxes.xyxy[index].tolist()
        place = f"{(left + right) / 2:.0f}, {(top + bottom) / 2:.0f}"
        rows.append(row_of(number, audit.samples[image].name, place))
    where = Table(f"{kind}_places", "Where they are: centre in px.", ["picture", "image", "centre"], rows)
    return Section(TITLES[kind], [Picture(kind, side_by_side([panels]), caption), where])


def _images(audit: Audit) -> Section:
    rows = []
    for image in audit.in_doubt():
        flags = audit.shown(image)
        kinds = [len(flags.of_kind(kind)) for kind in KINDS]
        complete = round(audit.certain.images[image].mean, 2)
        rows.append(row_of(audit.samples[image].name, len(audit.samples[image].boxes), *kinds, complete))
    caption = "Images with boxes in doubt, those with most first; complete: estimated share of the cells with a label."
    return Section("Images", [Table("images", caption, ["image", "labels", *KINDS, "complete"], rows)])
