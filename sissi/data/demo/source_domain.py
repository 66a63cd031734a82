"""A source domain that is drawn for an experiment: cells of the target's size, in the layout of Cellpose."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from sissi.boxes import scale
from sissi.config import DrawnSource, Experiment, FileData, LabelledImages
from sissi.data.demo.source import CELL_SIZE, LOOKS, draw_source
from sissi.data.demo.write import drawing_code, save_image
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.runtime.locks import file_lock
from sissi.runtime.randomness import generator

ROLES = ("source_train", "source_val")
CELLS_PER_AREA = (0.17, 0.4)
"""Fewest and most cells of an image, for each square of their size: as crowded as the demo's."""
MOST_CELLS = 200
"""Of an image, since to draw more takes long and teaches little."""


def source_images(
    files: FileData, experiment: Experiment, target: Sequence[Sample]
) -> tuple[LabelledImages, LabelledImages]:
    """The source images for training and for validation of an experiment; they are drawn where no files are given.

    They are drawn once, below the tracking folder, at the size of the detector's frames.

    Args:
        files: of the experiment.
        experiment: all settings.
        target: target training images with their labels, of which the size of a cell is taken.

    Raises:
        DataError: the size of a cell is not given, and there are no labels; or a cell does not fit into a frame.
    """
    if files.source_train is not None and files.source_val is not None:
        return files.source_train, files.source_val
    settings, shape = files.drawn_source, experiment.training.image_size
    size = _cell_size(settings, shape, target)
    key = f"{drawing_code()} {settings.model_dump_json()} {shape} {size}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:12]
    out = Path(experiment.tracking.folder).resolve() / "drawn_source" / digest
    out.parent.mkdir(parents=True, exist_ok=True)
    with file_lock(out.with_suffix(".lock")):
        if not out.exists():
            _draw(settings, shape, size, out)
    train, val = (LabelledImages(format="cellpose", images=out / role) for role in ROLES)
    return train, val


def typical_size(samples: Sequence[Sample], image_size: tuple[int, int]) -> float | None:
    """The median of the longer sides of all labels, in px of frames of this height and width; None without labels."""
    height, width = image_size
    framed = (scale(sample.boxes, width / sample.width, height / sample.height) for sample in samples)
    sides = np.concatenate([np.zeros(0), *(np.maximum(boxes.widths, boxes.heights) for boxes in framed)])
    return float(np.median(sides)) if len(sides) else None


def _cell_size(settings: DrawnSource, shape: tuple[int, int], target: Sequence[Sample]) -> int:
    """Longer side of a typical cell in whole px of a frame, so that labels that differ little share the images."""
    given = settings.cell_size
    size = typical_size(target, shape) if given == "auto" else given
    if size is None:
        raise DataError(
            "data.drawn_source.cell_size: auto is the size of the cells in the labels of data.target_train, and there "
            "is none; give the size, in px at training.image_size"
        )
    if size > min(shape):
        raise DataError(
            f"data.drawn_source.cell_size: {size:g} px is more than the shorter side of training.image_size "
            f"({min(shape)} px)"
        )
    return max(round(size), 1)


def _draw(settings: DrawnSource, shape: tuple[int, int], size: int, out: Path) -> None:
    """The images and masks, in a folder that is complete where it exists."""
    squares = shape[0] * shape[1] / size**2
    fewest, most = (min(max(round(share * squares), 2), MOST_CELLS) for share in CELLS_PER_AREA)
    with TemporaryDirectory(prefix=f"{out.name}.partial-", dir=out.parent) as parent:
        unfinished = Path(parent) / out.name
        for role, count in zip(ROLES, (settings.train, settings.val), strict=True):
            for index in range(count):
                rng = generator("drawn source", settings.seed, role, index)
                look = LOOKS[index % len(LOOKS)]
                image = draw_source(rng, look, shape, (fewest, most), size / CELL_SIZE)
                save_image(unfinished / role / f"{index:03d}_img.png", cv2.cvtColor(image.pixels, cv2.COLOR_RGB2BGR))
                save_image(unfinished / role / f"{index:03d}_masks.png", image.masks)
        unfinished.rename(out)
