"""Names that experiment files and commands share; a module without imports of weight, for the start of the CLI."""

from typing import Literal

FormatName = Literal["celllab", "cellpose", "coco", "cvat", "label_studio", "voc", "yolo"]
"""A label format; `sissi.data.formats` reads and writes them."""
PipelineName = Literal["dead", "alive", "inhibited"]
"""A pipeline of `sissi.weak_labels`."""
PipelineSetting = Literal["dead", "alive", "inhibited", "auto", "category"]
"""A pipeline, or how one is chosen: by the look of the image, or by its folder in the CellLab layout."""
