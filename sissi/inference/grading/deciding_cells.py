"""The cells that decide a borderline well: those that would change the viability with a slightly different score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from sissi.boxes import Boxes, iou
from sissi.data.images.read import read_image
from sissi.detector.model import CellDetector, predict_each_class
from sissi.figures import Panel, crop_around, side_by_side
from sissi.inference.grading.viability import Groups
from sissi.inference.outputs import PredictionSet
from sissi.inference.predict_images import InputScale, Prediction, predict_images

MOST = 8
"""Cells that are shown of a well."""

ByClass = Mapping[str, Sequence[Boxes]]
"""Boxes of each class by the name of an image."""


@dataclass(frozen=True, eq=False)
class DecidingCell:
    """A cell near a decision.

    Attributes:
        image: name of its image.
        box: its box, one.
        scores: score of each class, shape (K,), float64; 0 where the detector has no box of the class there.
        distance: by how much a score would have to change.
        reason: what would change.
    """

    image: str
    box: Boxes
    scores: tuple[float, ...]
    distance: float
    reason: str


def class_scores(
    detector: CellDetector, images: Mapping[str, Path], size: InputScale, batch: int, found: PredictionSet
) -> dict[str, list[Boxes]]:
    """Boxes of each class apart, of every score, for images that can be read."""

    def of_class(label: int) -> Callable[..., list[Boxes]]:
        return lambda pixels: [one.take(one.labels == label) for one in predict_each_class(detector, pixels)]

    overlap = detector.settings.nms_iou
    by_class = [
        dict(predict_images(images, of_class(label), size, batch, overlap, found.reading))
        for label in range(1, len(found.classes) + 1)
    ]
    outcomes = {name: [one[name] for one in by_class] for name in images}
    return {
        name: [one.boxes for one in many if isinstance(one, Prediction)]
        for name, many in outcomes.items()
        if all(isinstance(one, Prediction) for one in many)
    }


def deciding_cells(
    names: Sequence[str], found: PredictionSet, by_class: ByClass, groups: Groups, overlap: float
) -> list[DecidingCell]:
    """The cells of a well whose decisions are closest, the closest first, at most `MOST`.

    A decision is whether the score reaches the lowest one that counts, and which of the classes has the highest score,
    where the classes differ in being living, affected or neither.

    Args:
        names: images of the well.
        found: predictions of the detector.
        by_class: boxes of each class apart.
        groups: which classes are living and affected.
        overlap: IoU above which boxes of two classes are of one cell.
    """
    roles = np.array([(index in groups.living) + 2 * (index in groups.affected) for index in range(len(found.classes))])
    cells = []
    for name in (name for name in names if name in by_class):
        outcome = found.outcomes[name]
        if not isinstance(outcome, Prediction):
            continue
        scores = _scores(outcome.boxes, by_class[name], overlap)
        for index, of_cell in enumerate(scores):
            box = outcome.boxes.take(np.array([index]))
            mine = roles[box.labels[0] - 1]
            margin = of_cell[box.labels[0] - 1] - max(of_cell[roles != mine], default=0.0)
            to_count = float(abs(box.scores[0] - found.score))
            choices = [(to_count, "whether it counts")] if mine else []
            if box.scores[0] >= found.score:
                choices.append((float(abs(margin)), "its class"))
            if choices:
                cells.append(DecidingCell(name, box, tuple(of_cell.tolist()), *min(choices)))
    return sorted(cells, key=lambda cell: cell.distance)[:MOST]


def cells_figure(cells: Sequence[DecidingCell], found: PredictionSet) -> Figure:
    """Pictures of cells, numbered, each with its box in the colour of its class."""
    panels = []
    for number, cell in enumerate(cells, start=1):
        image = read_image(found.images[cell.image], found.reading)
        part, box = crop_around(image, cell.box, cell.box)
        name = found.classes[cell.box.labels[0] - 1]
        panels.append(Panel(f"{number}: {name} {cell.box.scores[0]:.2f}", part, box))
    return side_by_side([panels])


def _scores(boxes: Boxes, by_class: Sequence[Boxes], overlap: float) -> npt.NDArray[np.float64]:
    """Score of each class for each box, (N, K): of the box of the class that overlaps it most; 0 without one."""
    scores = np.zeros((len(boxes), len(by_class)))
    for column, others in enumerate(by_class):
        if len(others) and len(boxes):
            overlaps = iou(boxes, others)
            nearest = overlaps.argmax(axis=1)
            scores[:, column] = np.where(overlaps.max(axis=1) > overlap, others.scores[nearest], 0)
    return scores
