"""Settings of the images and labels of an experiment; pixels are those of the image file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from sissi.config.base import Settings
from sissi.config.weak_labels import WeakLabels
from sissi.names import FormatName

ONE_FILE = ("coco", "label_studio", "cvat")
"""Formats whose labels of all images are in one file."""


class LabelFiles(Settings):
    """Where labels are."""

    format: FormatName
    """celllab, yolo: a text file an image; cellpose: a mask image beside each image; voc: an XML file an image; coco:
    one JSON file; label_studio: its JSON export; cvat: its export as "CVAT for images 1.1". See docs/data.md."""
    labels: Path
    """Folder of the label files (celllab, cellpose, voc, yolo), or the one file (coco, label_studio, cvat)."""
    classes: tuple[str, ...] | None = None
    """Classes that count as a cell; all where it is left out."""


class ImageReading(Settings):
    """Which part of an image file is the image, of files with several planes or channels; both are counted from 1."""

    plane: PositiveInt | None = None
    """The plane that is read, over depth, time and the like in the order of the file; left out: the first."""
    projection: Literal["max"] | None = None
    """max: the brightest value over the planes: over depth if the file says what that is, else over all."""
    channels: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=3)] | None = None
    """Up to three channels, as red, green and blue; one of them is grey. Left out: the first three, or of files with
    planes as well the first."""

    @model_validator(mode="after")
    def _one_or_all(self) -> Self:
        if self.plane is not None and self.projection is not None:
            raise ValueError("`plane` reads one plane and `projection` all of them; set one of the two")
        return self

    @property
    def reading(self) -> ImageReading:
        """These settings alone."""
        return ImageReading(plane=self.plane, projection=self.projection, channels=self.channels)


class LabelledImages(ImageReading):
    """A folder of images with labels."""

    format: FormatName
    """See `LabelFiles`. A celllab folder may hold the folders alive, inhib and dead."""
    images: Path
    """Folder of the images."""
    labels: Path | None = None
    """Where the labels are; left out: beside the images (celllab, cellpose, voc, yolo)."""
    classes: tuple[str, ...] | None = None
    """Classes that count as a cell; all where it is left out."""
    weak_labels: WeakLabels | None = None
    """Make the labels by image processing instead of reading any."""
    limit: PositiveInt | None = None
    """Use this many images, spread evenly over the sorted list; all where it is left out."""

    @model_validator(mode="after")
    def _one_file_must_be_named(self) -> Self:
        if self.format in ONE_FILE and self.labels is None and self.weak_labels is None:
            raise ValueError(f"format {self.format} needs `labels`, the path of its file")
        return self


class TestImages(ImageReading):
    """The images that every variant is scored on, and never chosen by."""

    images: Path
    """Folder of the images."""
    readers: dict[str, LabelFiles] = Field(min_length=1)
    """The independent annotations of these images: a name for each, such as reader_1."""
    limit: PositiveInt | None = None
    """Use this many images, spread evenly over the sorted list; all where it is left out."""


class FileData(Settings):
    """Images of a lab: target domain (to be labelled) and source domain (public, clean labels)."""

    kind: Literal["files"]
    folder: Path = Path()
    """Where the relative paths below start. A relative folder starts at the experiment file's own folder; given by
    --set, at the current folder."""
    target_train: LabelledImages
    """Trained on, with weak, later pseudo labels."""
    target_reference: LabelFiles | None = None
    """Truth or careful labels of (some of) the target training images: for diagnosis, and for the oracle row, which
    trains on the images that have them. Nothing is chosen by it."""
    target_val: LabelledImages | None = None
    """Held-out images of the target domain with careful labels, to choose settings by; the paper does without."""
    target_test: TestImages
    source_train: LabelledImages
    """Trained on with its clean labels."""
    source_val: LabelledImages
    """Model selection and tuning happen here."""


class DemoData(Settings):
    """Images that the program draws itself: see docs/demo.md."""

    kind: Literal["demo"]
    seed: int = Field(default=2022, ge=0)
    """Of the drawing; independent of the training's seeds."""
    width: int = Field(default=192, ge=96)
    """Of each image, in px."""
    height: int = Field(default=160, ge=96)
    """Of each image, in px."""
    cells: tuple[PositiveInt, PositiveInt] = (12, 28)
    """Fewest and most cells in an image."""
    target_train: int = Field(default=48, ge=3)
    """Images; a third each alive, inhibited and dead."""
    target_val: int = Field(default=0, ge=0)
    """Held-out images with the truth as labels, to choose settings by; the paper does without."""
    target_test: int = Field(default=24, ge=3)
    """Images, each annotated by three readers."""
    source_train: int = Field(default=64, ge=2)
    """Images."""
    source_val: int = Field(default=24, ge=2)
    """Images."""
    weak_labels: WeakLabels = WeakLabels()
    """How the initial labels of the target images are made; the defaults were chosen on other drawing seeds."""

    @model_validator(mode="after")
    def _fewest_first(self) -> Self:
        if self.cells[0] > self.cells[1]:
            raise ValueError(f"cells are [fewest, most], not {list(self.cells)}")
        return self
