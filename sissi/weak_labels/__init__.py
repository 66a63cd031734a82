"""Initial weak labels by image processing (appendix A): one pipeline for each look that cells can have."""

from __future__ import annotations

from sissi.boxes import Boxes
from sissi.errors import DataError
from sissi.settings import WeakLabels
from sissi.weak_labels import alive, dead, inhibited
from sissi.weak_labels.channels import Image

PIPELINE_OF_CATEGORY = {"alive": "alive", "inhib": "inhibited", "dead": "dead"}
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
    pipeline = settings.pipeline if settings.pipeline != "category" else _pipeline_of(category)
    if pipeline == "dead":
        return dead.find_cells(image, settings.dead)
    if pipeline == "alive":
        return alive.find_cells(image, settings.alive)
    return inhibited.find_cells(image, settings.inhibited)


def _pipeline_of(category: str | None) -> str:
    if category not in PIPELINE_OF_CATEGORY:
        raise DataError(
            f"weak_labels.pipeline is `category`, but the image's category is {category}: put images into the folders "
            f"{', '.join(PIPELINE_OF_CATEGORY)}, or set weak_labels.pipeline to dead, alive or inhibited"
        )
    return PIPELINE_OF_CATEGORY[category]
