"""Initial weak labels by image processing (appendix A): one pipeline for each look that cells can have."""

from __future__ import annotations

from sissi.boxes import Boxes
from sissi.config import WeakLabels
from sissi.errors import DataError
from sissi.names import PipelineName
from sissi.weak_labels import alive, dead, inhibited
from sissi.weak_labels.channels import Image
from sissi.weak_labels.choosing import Choice, choose

__all__ = ["PIPELINE_OF_CATEGORY", "Choice", "choose", "choose_pipeline", "find_cells", "label_cells"]

PIPELINE_OF_CATEGORY: dict[str, PipelineName] = {"alive": "alive", "inhib": "inhibited", "dead": "dead"}
"""The pipeline for each image folder of the CellLab layout."""


def label_cells(image: Image, settings: WeakLabels, category: str | None) -> Boxes:
    """Weak labels of an image; scores are 1.

    Args:
        image: (H, W) or (H, W, 3) uint8 RGB.
        settings: which pipeline, and the settings of each, in px of this image.
        category: image folder of the CellLab layout (alive, inhib or dead), or None outside of it.

    Raises:
        DataError: the pipeline depends on the category, and there is none or an unknown one.
        ValueError: the array is no such image.
    """
    return find_cells(image, settings, choose_pipeline(image, settings, category).pipeline)


def choose_pipeline(image: Image, settings: WeakLabels, category: str | None) -> Choice:
    """The pipeline for an image, and why: as set, by its category, or by its look.

    Raises:
        DataError: as `label_cells`.
        ValueError: the array is no image.
    """
    if settings.pipeline == "auto":
        return choose(image, settings)
    if settings.pipeline == "category":
        return Choice(_pipeline_of(category), f"folder {category}")
    return Choice(settings.pipeline, "as set")


def find_cells(image: Image, settings: WeakLabels, pipeline: PipelineName) -> Boxes:
    """The boxes that a pipeline finds in an image; scores are 1.

    Raises:
        ValueError: the array is no image.
    """
    if pipeline == "dead":
        return dead.find_cells(image, settings.dead)
    if pipeline == "alive":
        return alive.find_cells(image, settings.alive)
    return inhibited.find_cells(image, settings.inhibited)


def _pipeline_of(category: str | None) -> PipelineName:
    if category not in PIPELINE_OF_CATEGORY:
        raise DataError(
            f"weak_labels.pipeline is `category`, but the image's category is {category}: put images into the folders "
            f"{', '.join(PIPELINE_OF_CATEGORY)}, or set weak_labels.pipeline to auto, dead, alive or inhibited"
        )
    return PIPELINE_OF_CATEGORY[category]
