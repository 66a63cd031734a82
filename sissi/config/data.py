"""Settings of the images and labels of an experiment; pixels are those of the image file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from sissi.config.base import Named, Settings
from sissi.config.sizes import DRAWN_CELL
from sissi.config.weak_labels import WeakLabels
from sissi.names import FormatName

ONE_FILE = ("cells", "coco", "label_studio", "cvat")
"""Formats with the labels of all images in one file."""


LabelNames = tuple[str, ...] | dict[str, str | None] | None


class LabelFiles(Settings):
    """Location and format of labels."""

    format: FormatName
    """celllab, yolo: one text file per image; cellpose: a mask image beside each image; imagej: a zip file of regions
    per image; napari: a CSV file of shapes per image; qupath: a GeoJSON file per image; voc: one XML file per image;
    cells: one CSV file; coco: one JSON file; label_studio: its JSON export; cvat: its export as "CVAT for images 1.1".
    See docs/label-formats.md."""
    labels: Path
    """Folder of the label files, or the one file (cells, coco, label_studio, cvat)."""
    classes: LabelNames = None
    """A list: names in the labels that count; the others are left out. A mapping: the class of each name in these
    labels, in place of the experiment's `classes`; null leaves labels out, and "*" is every other name, and labels
    without a name. Default: all labels, with the experiment's `classes`."""
    cell_size: PositiveFloat | None = None
    """Side of the box around a label that is a point, in px; without it points are left out."""


class ImageReading(Settings):
    """Part of an image file that is the image, for files with several planes or channels; both are counted from 1."""

    plane: PositiveInt | None = None
    """Plane to read, over depth, time and the like in the order of the file; default: the first."""
    projection: Literal["max"] | None = None
    """max: the brightest value over the planes: over depth if the file says which they are, else over all."""
    channels: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=3)] | None = None
    """Up to three channels, as red, green and blue; one channel is grey. Default: the first three, or the first of
    files that also have planes."""

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
    """Folder of images with labels."""

    format: FormatName
    """Label format, see `LabelFiles`. A celllab folder may contain the folders alive, inhib and dead."""
    images: Path
    """Folder of the images."""
    labels: Path | None = None
    """Folder or file of the labels; default: beside the images, but for cells, coco, label_studio and cvat."""
    classes: LabelNames = None
    """A list: names in the labels that count; the others are left out. A mapping: the class of each name in these
    labels, in place of the experiment's `classes`; null leaves labels out, and "*" is every other name, and labels
    without a name. Default: all labels, with the experiment's `classes`."""
    cell_size: PositiveFloat | None = None
    """Side of the box around a label that is a point, in px; without it points are left out."""
    ignore: tuple[str, ...] = ()
    """Names in the labels of regions that nobody annotated: what is in them is neither cell nor background in training.
    Crowd regions of COCO are such regions, whatever their name."""
    weak_labels: WeakLabels | None = None
    """Settings to generate the labels by image processing instead of reading them."""
    names: Path | None = None
    """Text file with the names of the images to use, one a line, as paths below the folder; default: all images."""
    limit: PositiveInt | None = None
    """Number of images to use, spread evenly over the sorted list; default: all."""

    @model_validator(mode="after")
    def _one_file_must_be_named(self) -> Self:
        if self.format in ONE_FILE and self.labels is None and self.weak_labels is None:
            raise ValueError(f"format {self.format} needs `labels`, the path of its file")
        return self


class TestImages(ImageReading):
    """Images on which every variant is scored; they select nothing."""

    images: Path
    """Folder of the images."""
    readers: Named[LabelFiles] = Field(min_length=1)
    """Independent annotations of these images by name, such as reader_1."""
    names: Path | None = None
    """Text file with the names of the images to use, one a line, as paths below the folder; default: all images."""
    limit: PositiveInt | None = None
    """Number of images to use, spread evenly over the sorted list; default: all."""


class DrawnSource(Settings):
    """Source domain that the program draws: fluorescent and stained cells, at the size of the target's frames."""

    train: int = Field(default=96, ge=2)
    """Number of training images."""
    val: int = Field(default=24, ge=2)
    """Number of validation images."""
    cell_size: Literal["auto"] | PositiveFloat = "auto"
    """Longer side of a typical cell in px at training.image_size; auto: that of the target's labels."""
    seed: int = Field(default=2022, ge=0)
    """Seed of the drawing; independent of the seeds of the training."""


class FileData(Settings):
    """Image files: target domain (to be labelled) and source domain (with clean labels: public data, or drawn)."""

    kind: Literal["files"]
    folder: Path = Path()
    """Folder to which the relative paths below refer. A relative folder refers to the folder of the experiment file;
    given by --set, to the current folder."""
    target_train: LabelledImages
    """Training images of the target domain, with weak labels that pseudo labels replace later."""
    target_reference: LabelFiles | None = None
    """True or careful labels of (some of) the target training images: for diagnosis, and for the oracle row, which is
    trained on the images that have them. They select nothing."""
    target_corrected: LabelFiles | None = None
    """Labels of some of the target training images that a person went through: all images in them are corrected, also
    those without cells. They take the place of the weak labels and are never changed, and the images have a share of
    their own in every batch (training.corrected_batch)."""
    target_val: LabelledImages | None = None
    """Validation images of the target domain with careful labels, for the choice of settings; the paper has none."""
    target_test: TestImages | None = None
    """Images on which every row is scored. Without them nobody scores the rows; how far they agree is told instead."""
    source: Literal["drawn"] | None = None
    """drawn: a source domain that the program draws, in place of source_train and source_val; see `drawn_source`."""
    drawn_source: DrawnSource = DrawnSource()
    source_train: LabelledImages | None = None
    """Training images of the source domain, with clean labels."""
    source_val: LabelledImages | None = None
    """Validation images of the source domain, for model selection and tuning."""

    @property
    def label_sets(self) -> dict[str, LabelFiles | LabelledImages]:
        """All settings of labels, by their keys below `data`."""
        sets = {
            key: getattr(self, key)
            for key in (
                "target_train",
                "target_reference",
                "target_corrected",
                "target_val",
                "source_train",
                "source_val",
            )
        }
        readers = self.target_test.readers if self.target_test else {}
        named = sets | {f"target_test.readers.{name}": labels for name, labels in readers.items()}
        return {key: labels for key, labels in named.items() if labels is not None}

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [key for key in ("source_train", "source_val") if getattr(self, key) is not None]
        if self.source == "drawn" and given:
            raise ValueError(f"source: drawn takes the place of {' and '.join(given)}; leave out one or the other")
        if self.source is None and len(given) < 2:
            missing = " and ".join(key for key in ("source_train", "source_val") if key not in given)
            raise ValueError(
                f"{missing}: missing; give images of other cells with clean labels as source_train and source_val, or "
                "set source: drawn"
            )
        return self


class DemoData(Settings):
    """Images that the program draws: see docs/demo.md."""

    kind: Literal["demo"]
    seed: int = Field(default=2022, ge=0)
    """Seed of the drawing; independent of the seeds of the training."""
    width: int = Field(default=192, ge=96)
    """Width of each image, in px."""
    height: int = Field(default=160, ge=96)
    """Height of each image, in px."""
    cells: tuple[PositiveInt, PositiveInt] = (12, 28)
    """Smallest and largest number of cells in an image."""
    target_train: int = Field(default=48, ge=3)
    """Number of target training images; a third each alive, inhibited and dead."""
    target_corrected: int = Field(default=0, ge=0)
    """Number of target training images whose labels are corrected, with the truth as labels; the paper has none."""
    target_val: int = Field(default=0, ge=0)
    """Number of target validation images, with the truth as labels, for the choice of settings; the paper has none."""
    target_test: int = Field(default=24, ge=3)
    """Number of test images, each annotated by three readers."""
    source_train: int = Field(default=64, ge=2)
    """Number of source training images."""
    source_val: int = Field(default=24, ge=2)
    """Number of source validation images."""
    weak_labels: WeakLabels = WeakLabels(cell_size=DRAWN_CELL)
    """Settings of the initial labels of the target images; the defaults were chosen on images of other seeds. The size
    of the cells is known, and not estimated, unless `cell_size` says so."""

    @field_validator("weak_labels", mode="before")
    @classmethod
    def _cells_as_drawn(cls, given: Any) -> Any:
        return {"cell_size": DRAWN_CELL} | given if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.cells[0] > self.cells[1]:
            raise ValueError(f"cells must be [fewest, most], not {list(self.cells)}")
        if self.target_corrected > self.target_train:
            raise ValueError(
                f"target_corrected ({self.target_corrected}) are some of the target_train ({self.target_train}) images"
            )
        return self
