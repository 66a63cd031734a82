"""Weak labels of a set of images: made, measured against a truth, told, drawn and written."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import cv2
from rich.table import Table

from sissi.boxes import Boxes
from sissi.data.cleaning import clean
from sissi.data.images import read_image
from sissi.data.load import read_labels
from sissi.data.problems import Problems
from sissi.data.samples import Sample
from sissi.errors import DataError
from sissi.evaluation import LabelQuality, label_quality
from sissi.overlays import draw_boxes
from sissi.settings import LabelFiles, WeakLabels
from sissi.weak_labels import Choice, choose_pipeline, find_cells

THREADS = min(4, os.cpu_count() or 1)
"""Images that are labelled at the same time."""


@dataclass(frozen=True)
class Labelled:
    """An image with its weak labels.

    Attributes:
        sample: the image; its boxes are the labels.
        choice: which pipeline made them, and why that one.
    """

    sample: Sample
    choice: Choice


def label_images(samples: Sequence[Sample], settings: WeakLabels, done: Callable[[], object]) -> list[Labelled]:
    """The weak labels of images, in order.

    Args:
        samples: the images; their boxes do not matter.
        settings: in px of the images.
        done: called after each image.

    Raises:
        DataError: the pipeline depends on the folder of an image, and that is none of alive, dead and inhib.
    """

    def label(sample: Sample) -> Labelled:
        image = read_image(sample.path)
        choice = choose_pipeline(image, settings, sample.category)
        # circles and margins may reach over the edge: nobody's fault, so not noted
        boxes = clean(find_cells(image, settings, choice.pipeline), sample, "weak labels", Problems())
        done()
        return Labelled(replace(sample, boxes=boxes), choice)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(label, samples))


def read_truth(path: Path, format: str, samples: Sequence[Sample], problems: Problems) -> list[Boxes | None]:
    """The true boxes of each image; None where the truth does not list it.

    Raises:
        DataError: there is no such format, the truth cannot be read, or it lists none of the images.
    """
    formats = get_args(LabelFiles.model_fields["format"].annotation)
    if format not in formats:
        raise DataError(f"--truth-format {format}: no such format; there are {', '.join(formats)}")
    source = LabelFiles.model_validate({"format": format, "labels": path})
    found = read_labels(source, Path(), samples, problems, "--truth", complete=False)
    if not found:
        raise DataError(f"--truth {path}: lists none of the {len(samples)} images; it names them by their file names")
    return [found.get(sample.name) for sample in samples]


def tell(labelled: Sequence[Labelled], truth: Sequence[Boxes | None] | None) -> Table:
    """A line an image: the pipeline, why, how many cells; with a truth how good the labels are, and a line for all.

    The line for all is about the images that the truth lists.
    """
    table = Table()
    for column in ("image", "pipeline", "why"):
        table.add_column(column, overflow="fold")
    for column in ("labels", *(_QUALITY if truth else ())):
        table.add_column(column, justify="right")
    labels = [item.sample.boxes for item in labelled]
    for index, item in enumerate(labelled):
        measured = _cells(label_quality([labels[index]], [truth[index]])) if truth else ()
        table.add_row(
            item.sample.name, item.choice.pipeline, item.choice.reason, str(len(labels[index])), *measured
        )
    table.add_section()
    together = _cells(label_quality(labels, truth)) if truth else ()
    count = label_quality(labels, truth).labels if truth else sum(map(len, labels))
    table.add_row(f"{len(labelled)} images", "", "", str(count), *together)
    return table
