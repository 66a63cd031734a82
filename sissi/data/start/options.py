"""What a person may have beside images, and says at the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sissi.config import ImageReading, WeakLabels
from sissi.data.images.read import FIRST
from sissi.names import FormatName


@dataclass(frozen=True)
class StartOptions:
    """Options of a start.

    Attributes:
        labels: labels that the person has, a folder or a file; None: they are made by image processing.
        labels_format: their format.
        classes: classes of the labels and readers that count as a cell; empty: all.
        readers: boxes by people who looked at some of the images, one file or folder each.
        readers_format: their format.
        corrected: labels of some of the images that a person went through; None: there are none.
        corrected_format: their format.
        source: folder of other cells with masks in Cellpose's layout; None: cells are drawn.
        weak_labels: settings of the labels by image processing, with the size of a cell if it is known.
        reading: planes and channels of the files that are the images.
        labels_only: whether to stop after the labels.
    """

    labels: Path | None = None
    labels_format: FormatName = "coco"
    classes: Sequence[str] = ()
    readers: Sequence[Path] = ()
    readers_format: FormatName = "coco"
    source: Path | None = None
    weak_labels: WeakLabels = field(default_factory=lambda: WeakLabels(pipeline="auto"))
    reading: ImageReading = FIRST
    labels_only: bool = False
    corrected: Path | None = None
    corrected_format: FormatName = "coco"
