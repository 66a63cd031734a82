"""Initial weak labels by image processing (appendix A): one pipeline for each appearance of cells."""

from __future__ import annotations

from typing import get_args

from sissi.boxes import Boxes, make_boxes, scale
from sissi.config import WeakLabels
from sissi.errors import DataError
from sissi.names import PipelineName
from sissi.weak_labels import adherent, alive, dead, inhibited, kinds, stained
from sissi.weak_labels.channels import Image
from sissi.weak_labels.choosing import Choice, choose
from sissi.weak_labels.kinds import KINDS
from sissi.weak_labels.reduced import reduce

__all__ = [
    "KINDS",
    "PIPELINE_OF_CATEGORY",
    "Choice",
    "choose",
    "choose_pipeline",
    "find_cells",
    "label_cells",
    "name_kinds",
    "pipeline_of",
]

PIPELINE_OF_CATEGORY: dict[str, PipelineName] = {"alive": "alive", "inhib": "inhibited", "dead": "dead"}
"""Pipeline for each image folder of the CellLab layout."""


def label_cells(image: Image, settings: WeakLabels, category: str | None) -> Boxes:
    """Weak labels of an image; scores are 1, and labels are the numbers of the kinds of cells in `KINDS`.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.
        settings: choice of the pipeline, and settings of each pipeline, in px of this image.
        category: image folder of the CellLab layout (alive, inhib or dead), or None outside of it.

    Raises:
        DataError: the pipeline depends on the category, which is missing or unknown.
        ValueError: the array has another shape or dtype.
    """
    pipeline = choose_pipeline(image, settings, category).pipeline
    found = find_cells(image, settings, pipeline)
    return name_kinds(image, found, settings, pipeline)


def name_kinds(image: Image, found: Boxes, settings: WeakLabels, pipeline: PipelineName) -> Boxes:
    """Boxes that a pipeline found in an image, with the numbers of their kinds in `KINDS` as labels."""
    if settings.kind == "pipeline":
        return kinds.of_pipeline(found, pipeline)
    reduced = reduce(image, settings)
    named = kinds.of_own_look(reduced.image, scale(found, reduced.x, reduced.y), pipeline, reduced.settings)
    return make_boxes(found.xyxy, found.scores, named.labels)


def choose_pipeline(image: Image, settings: WeakLabels, category: str | None) -> Choice:
    """Choose the pipeline for an image: as set, by the category, or by the appearance of the image.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.
        settings: choice of the pipeline.
        category: image folder of the CellLab layout (alive, inhib or dead), or None outside of it.

    Raises:
        DataError: the pipeline depends on the category, which is missing or unknown.
        ValueError: the array has another shape or dtype.
    """
    if settings.pipeline == "auto":
        return choose(image, settings)
    if settings.pipeline == "category":
        return Choice(pipeline_of(category), f"folder {category}")
    return Choice(settings.pipeline, "as set")


def find_cells(image: Image, settings: WeakLabels, pipeline: PipelineName) -> Boxes:
    """Boxes that a pipeline detects in an image; scores are 1.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.
        settings: settings of each pipeline, in px of this image.
        pipeline: pipeline to be used.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    reduced = reduce(image, settings)
    found = _find_cells(reduced.image, reduced.settings, pipeline)
    return found if reduced.image is image else scale(found, 1 / reduced.x, 1 / reduced.y)


def _find_cells(image: Image, settings: WeakLabels, pipeline: PipelineName) -> Boxes:
    if pipeline == "dead":
        return dead.find_cells(image, settings.dead)
    if pipeline == "alive":
        return alive.find_cells(image, settings.alive)
    if pipeline == "adherent":
        return adherent.find_cells(image, settings.adherent)
    if pipeline == "stained":
        return stained.find_cells(image, settings.stained)
    return inhibited.find_cells(image, settings.inhibited)


def pipeline_of(category: str | None) -> PipelineName:
    """The pipeline that an image folder of the CellLab layout names.

    Raises:
        DataError: the folder is none of alive, inhib and dead.
    """
    if category not in PIPELINE_OF_CATEGORY:
        raise DataError(
            f"weak_labels.pipeline is `category`, but the category of the image is {category}: put images into the "
            f"folders {', '.join(PIPELINE_OF_CATEGORY)}, or "
            f"set weak_labels.pipeline to auto or one of {', '.join(get_args(PipelineName))}"
        )
    return PIPELINE_OF_CATEGORY[category]
