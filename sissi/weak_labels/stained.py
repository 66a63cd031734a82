"""Weak labels of fluorescent or stained cells and nuclei: what departs from the background, split where cells touch."""

from __future__ import annotations

import cv2
import numpy as np

from sissi.boxes import Boxes, clip, make_boxes
from sissi.config import StainedCells
from sissi.weak_labels.background import Floats, departure, otsu, wide_blur
from sissi.weak_labels.channels import Image
from sissi.weak_labels.morphology import disk, fill_small_holes, region_boxes_by_side
from sissi.weak_labels.splitting import depth, split


def find_cells(image: Image, settings: StainedCells) -> Boxes:
    """Boxes around the cells or nuclei of an image, brighter or darker than the background; scores are 1.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.
        settings: settings of this pipeline, in px of this image.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    cells = find_foreground(departure(image, settings.smoothing, settings.ground).distance, settings)
    depths = depth(cells, settings.depth_smoothing)
    found = region_boxes_by_side(split(depths, cells, settings.neck), settings.side)
    outwards = np.array([-1, -1, 1, 1], np.float32) * settings.margin
    return clip(make_boxes(found.xyxy + outwards), image.shape[1], image.shape[0])


def find_foreground(distance: Floats, settings: StainedCells) -> Image:
    """Pixels of cells, shape (H, W), uint8, 0 or 1: holes filled, and thin structures removed.

    A pixel belongs to a cell if it departs from the background by more than Otsu's threshold, and by more than a share
    of the mean departure of the cells around it: so the outline of a bright cell is where it is half as bright, and not
    where its glow ends.

    Args:
        distance: departure from the background, shape (H, W), float32.
        settings: settings of this pipeline, in px of this image.
    """
    sure = (distance > otsu(distance)).astype(np.float32)
    weight = wide_blur(sure, settings.surroundings)
    mean = wide_blur(distance * sure, settings.surroundings) / (weight + 1e-3)
    cells = ((sure > 0) & (distance > settings.share * mean)).astype(np.uint8)
    filled = fill_small_holes(cells, settings.hole)
    opened: Image = cv2.morphologyEx(filled, cv2.MORPH_OPEN, disk(settings.opening_radius))
    return opened
