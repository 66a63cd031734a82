"""Whether a detector's settings suit the cells: their sizes against its anchors, their number against its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, scale
from sissi.config import Detector, Experiment
from sissi.data.problems import Problems
from sissi.data.sample import Sample

TOLERATED = 0.05
"""Fraction of the cells of a data set that may lie outside of the reach of the anchors without a note."""

FINEST_STRIDE = 8
"""Finest stride of the presets without anchors, in px: their smallest cells are half as large."""

Labelled = Sequence[tuple[Sample, Boxes]]
"""Images with boxes in px of their files."""


def cell_sizes(labelled: Labelled, image_size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """(N,) the square root of the area of each box in px, after resizing its image to a height and width.

    An anchor has the same measure.
    """
    height, width = image_size
    areas = [scale(boxes, width / sample.width, height / sample.height).areas for sample, boxes in labelled]
    sizes: npt.NDArray[np.float64] = np.sqrt(np.concatenate([np.zeros(0), *areas]))
    return sizes


def reach(detector: Detector) -> tuple[float, float]:
    """Sizes of a cell that the detector can still find: half the smallest anchor, and twice the largest.

    Without anchors: half of the finest stride, and no upper limit.
    """
    if detector.anchors is None:
        return FINEST_STRIDE / 2, inf
    sizes = [size for level in detector.anchors for size in level]
    return min(sizes) / 2, max(sizes) * 2


def check_fit(experiment: Experiment, labelled: Mapping[str, Labelled], problems: Problems) -> None:
    """Note where cells are too small, too large or too many for the settings.

    Args:
        experiment: whose detector, image size and evaluation count.
        labelled: images with boxes by the name of their data set, such as target_train.
        problems: takes what does not fit, at the images with most cells or at the data set.
    """
    for role, images in labelled.items():
        _check_sizes(experiment, role, images, problems)
        _check_numbers(experiment, role, images, problems)


def _check_sizes(experiment: Experiment, role: str, images: Labelled, problems: Problems) -> None:
    sizes = cell_sizes(images, experiment.training.image_size)
    small, large = reach(experiment.detector)
    height, width = experiment.training.image_size
    finest = "stride" if experiment.detector.anchors is None else "anchor"
    for outside, what, advice in (
        (sizes < small, f"smaller than {small:g} px, half the smallest {finest}", "smaller"),
        (sizes > large, f"larger than {large:g} px, twice the largest anchor", "larger"),
    ):
        if outside.sum() > TOLERATED * len(sizes):
            share = f"{outside.sum():,} of {len(sizes):,} at {width} x {height} px"
            anchors = "" if experiment.detector.anchors is None else f"{advice} detector.anchor_sizes or "
            hint = f"give {anchors}another training.image_size"
            problems.add(Path(role), f"data set with cells {what}", f"{share}; {hint}")


def _check_numbers(experiment: Experiment, role: str, images: Labelled, problems: Problems) -> None:
    limits = {
        "detector.detections_per_image": experiment.detector.detections_per_image,
        "detector.proposals": experiment.detector.proposals,
        "evaluation.max_detections": experiment.evaluation.max_detections,
    }
    fullest, most = max(((sample, len(boxes)) for sample, boxes in images), key=lambda one: one[1], default=(None, 0))
    for key, limit in limits.items():
        if fullest is not None and most > limit:
            over = sum(len(boxes) > limit for _, boxes in images)
            detail = f"{role}: {most:,} cells, the most of {over:,} such images; set it to {most:,} or more"
            problems.add(fullest.path, f"image with more cells than {key} ({limit:,})", detail)
