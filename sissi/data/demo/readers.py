"""Three readers of the demo's test images, who disagree as people do (see the paper's table of data)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, clip, concatenate, drop_degenerate, make_boxes
from sissi.data.demo.target import KINDS, TargetImage


@dataclass(frozen=True)
class Reader:
    """How one person annotates.

    Attributes:
        name: of the reader.
        missed: probability that a plain cell is overlooked; a faint one is overlooked three times as often.
        mistaken: probability that a speck of debris is taken for a cell.
        jitter: standard deviation of each side of a box, as a fraction of the box's width or height.
        confused: probability that a cell is taken for one of another kind.
        least_contrast: fainter cells are left out.
        least_visible: cells that the border cuts further are left out, as a fraction of their area.
        least_side: cells with a shorter longer side are left out, in px.
    """

    name: str
    missed: float
    mistaken: float
    jitter: float
    confused: float = 0.0
    least_contrast: float = 0.0
    least_visible: float = 0.0
    least_side: float = 0.0


READERS = (
    Reader("reader_1", missed=0.025, mistaken=0.03, jitter=0.04, confused=0.02),
    Reader("reader_2", missed=0.015, mistaken=0.06, jitter=0.05, confused=0.05),
    Reader(
        "reader_3",
        missed=0.025,
        mistaken=0.01,
        jitter=0.04,
        confused=0.03,
        least_contrast=0.25,
        least_visible=0.5,
        least_side=13,
    ),
)
"""Two thorough ones and a strict one: about 552 : 565 : 477 boxes, as in the paper."""

_FAINT = 0.35


def annotate(rng: np.random.Generator, image: TargetImage, reader: Reader, naming: np.random.Generator) -> Boxes:
    """The boxes that a reader draws on an image, clipped to it, to a hundredth of a px, with the kinds that it names.

    Args:
        rng: of the boxes.
        image: what is annotated.
        reader: who annotates.
        naming: of the kinds that are confused; a speck that is taken for a cell is of any kind.
    """
    cells = image.named_truth.take(_noticed(rng, image, reader))
    specks = image.debris.take(rng.random(len(image.debris)) < reader.mistaken)
    drawn = concatenate([cells, specks])
    unsure = naming.random(len(drawn)) < np.where(np.arange(len(drawn)) < len(cells), reader.confused, 1)
    kinds = np.where(unsure, naming.integers(1, len(KINDS) + 1, len(drawn)), drawn.labels)
    sides = np.stack([drawn.widths, drawn.heights, drawn.widths, drawn.heights], axis=1)
    shaken = drawn.xyxy + rng.normal(0, reader.jitter, drawn.xyxy.shape) * sides
    height, width = image.pixels.shape
    return drop_degenerate(clip(make_boxes(np.round(shaken, 2), labels=kinds), width, height), smallest_side=1)


def _noticed(rng: np.random.Generator, image: TargetImage, reader: Reader) -> npt.NDArray[np.bool_]:
    truth = image.truth
    missed = reader.missed * np.where(image.contrast < _FAINT, 3, 1)
    accepted = (
        (image.contrast >= reader.least_contrast)
        & (image.visible >= reader.least_visible)
        & (np.maximum(truth.widths, truth.heights) >= reader.least_side)
    )
    noticed: npt.NDArray[np.bool_] = accepted & (rng.random(len(truth)) >= missed)
    return noticed
