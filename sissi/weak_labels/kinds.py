"""Kinds of cells that weak labels name: that of the image's pipeline, or that of each cell by its own look."""

from __future__ import annotations

from typing import get_args

import cv2
import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, make_boxes
from sissi.config import WeakLabels
from sissi.names import PipelineName
from sissi.weak_labels.channels import Image, grey
from sissi.weak_labels.choosing import ratios
from sissi.weak_labels.inhibited import correct_illumination, find_regions

KINDS: tuple[PipelineName, ...] = get_args(PipelineName)
"""Kinds of cells, numbered from 1 on: those that the pipelines are for."""
_ROUND = 0.7
"""Ratio of the axes of a region above which it is round."""
_BRIGHT_CORE = 0.6
"""Intensity of the core, over the mean absolute deviation from the background, above which there is a bright disc."""
_CORE = 0.5
"""Depth of the core's pixels, as a share of the greatest depth in the region."""
_FILLED = 0.3
"""Share of the ellipse in a box below which the edges of a cell enclose too little of it, and the ellipse is used."""


def of_pipeline(boxes: Boxes, pipeline: PipelineName) -> Boxes:
    """Boxes as cells of the kind that a pipeline is for; their labels are its number in `KINDS`."""
    return _numbered(boxes, [pipeline] * len(boxes))


def of_own_look(image: Image, boxes: Boxes, pipeline: PipelineName, settings: WeakLabels) -> Boxes:
    """Boxes as cells of the kind that each looks like, whatever most of the image's cells are.

    A round cell with a dark ring around a bright disc is dead, in images of any pipeline for transmitted light. A cell
    without them is of the pipeline's kind; if that is dead, it is alive where it is bright everywhere, its halo
    included, and else inhibited.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.
        boxes: cells, in px of the image.
        pipeline: that found them.
        settings: thresholds of the look of images, and the settings by which the inhibited pipeline finds edges.
    """
    if pipeline == "stained":
        return of_pipeline(boxes, pipeline)
    even = correct_illumination(grey(image), settings.inhibited.illumination_radius)
    regions = find_regions(even, settings.inhibited) > 0
    light = even - np.float32(np.median(even if regions.all() else even[~regions]))
    return _numbered(boxes, [_kind(light, regions, corners, pipeline, settings) for corners in boxes.xyxy.tolist()])


def _kind(
    light: npt.NDArray[np.float32],
    regions: npt.NDArray[np.bool_],
    corners: list[float],
    pipeline: PipelineName,
    settings: WeakLabels,
) -> PipelineName:
    """Kind of one cell, from the deviation of each pixel from the background, and the regions inside edges."""
    left, top, right, bottom = (max(0, round(corner)) for corner in corners)
    window = light[top:bottom, left:right]
    region = _region(regions[top:bottom, left:right])
    if not region.any():
        return pipeline
    depth = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    rim, balance = ratios(window[region], depth[region] <= settings.auto.rim_width)
    deviation = max(float(np.abs(window[region]).mean()), 1e-6)
    core = float(window[depth >= _CORE * depth.max()].mean()) / deviation
    if rim < settings.auto.dark_rim and core > _BRIGHT_CORE and _roundness(region) > _ROUND:
        return "dead"
    if pipeline != "dead":
        return pipeline
    return "alive" if balance > settings.auto.bright_balance else "inhibited"


def _region(found: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Pixels of a cell in its box: those inside edges, and inside the ellipse that fills the box."""
    height, width = found.shape
    y, x = (np.linspace(-1 + 1 / side, 1 - 1 / side, side) if side else np.zeros(0) for side in (height, width))
    ellipse: npt.NDArray[np.bool_] = y[:, None] ** 2 + x[None, :] ** 2 <= 1
    return found & ellipse if (found & ellipse).sum() >= _FILLED * ellipse.sum() else ellipse


def _roundness(region: npt.NDArray[np.bool_]) -> float:
    """Shorter over longer axis of the ellipse with the moments of a region; 1 for a circle, and for a few pixels."""
    points = np.stack(np.nonzero(region)).astype(np.float64)
    if points.shape[1] < 3:
        return 1.0
    short, long = np.linalg.eigvalsh(np.cov(points))
    return float(np.sqrt(max(short, 0.0) / long)) if long > 0 else 1.0


def _numbered(boxes: Boxes, kinds: list[PipelineName]) -> Boxes:
    return make_boxes(boxes.xyxy, boxes.scores, [KINDS.index(kind) + 1 for kind in kinds])
