"""Names that experiment files and commands share. The module imports no large package, so that the CLI starts fast."""

from typing import Literal

CELL_NAME = "cell"
"""Class of every cell where an experiment has no `classes`."""
FormatName = Literal[
    "celllab", "cellpose", "cells", "coco", "cvat", "imagej", "label_studio", "napari", "qupath", "voc", "yolo"
]
"""Label format; `sissi.data.formats` reads and writes them."""
PipelineName = Literal["dead", "alive", "inhibited", "adherent", "stained"]
"""Pipeline of `sissi.weak_labels`."""
PipelineSetting = Literal["dead", "alive", "inhibited", "adherent", "stained", "auto", "category"]
"""Pipeline, or how it is chosen: by the appearance of the image, or by its folder in the CellLab layout."""
