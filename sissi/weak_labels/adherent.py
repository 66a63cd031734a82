"""Weak labels of adherent cells in transmitted light: local contrast, split along halos and necks."""

from __future__ import annotations

import cv2
import numpy as np
from skimage.filters import threshold_otsu

from sissi.boxes import Boxes
from sissi.config import AdherentCells
from sissi.weak_labels.background import Floats
from sissi.weak_labels.channels import Image, grey
from sissi.weak_labels.morphology import disk, fill_small_holes, region_boxes_by_side
from sissi.weak_labels.splitting import depth, split

_ROUNDING = 1.0
"""Local contrast that is added everywhere, in grey levels: below it, contrast is rounding and noise."""


def find_cells(image: Image, settings: AdherentCells) -> Boxes:
    """Boxes around the flat, textured cells of an image; scores are 1.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.
        settings: settings of this pipeline, in px of this image.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    light = grey(image).astype(np.float32)
    cells = find_foreground(local_contrast(light, settings.texture), settings)
    if not cells.any():
        return region_boxes_by_side(cells, settings.side)
    relief = depth(cells, settings.depth_smoothing) - settings.halo_depth * brightness(light, cells, settings)
    return region_boxes_by_side(split(relief, cells, settings.neck), settings.side)


def local_contrast(light: Floats, deviation: float) -> Floats:
    """Standard deviation of an image (H, W) in a Gaussian window of this standard deviation in px; float32."""
    mean = cv2.GaussianBlur(light, (0, 0), deviation)
    variance = cv2.GaussianBlur(light * light, (0, 0), deviation) - mean * mean
    contrast: Floats = np.sqrt(variance.clip(0))
    return contrast


def find_foreground(contrast: Floats, settings: AdherentCells) -> Image:
    """Pixels of cells, shape (H, W), uint8, 0 or 1: high local contrast, holes filled, without the halo outside.

    Args:
        contrast: local contrast, shape (H, W), float32.
        settings: settings of this pipeline, in px of this image.
    """
    logarithm = np.log(contrast + _ROUNDING)
    rough = logarithm > threshold_otsu(logarithm) + np.log(settings.threshold)
    filled = fill_small_holes(rough.astype(np.uint8), settings.hole)
    opened = cv2.morphologyEx(filled, cv2.MORPH_OPEN, disk(settings.opening_radius))
    cells: Image = cv2.erode(opened, disk(settings.halo_radius))
    return cells


def brightness(light: Floats, cells: Image, settings: AdherentCells) -> Floats:
    """Light above that of the surroundings, in standard deviations inside cells, shape (H, W), float32.

    It is high on the halos between cells.
    """
    surroundings = cv2.GaussianBlur(light, (0, 0), settings.surroundings)
    above = cv2.GaussianBlur(light, (0, 0), settings.halo_smoothing) - surroundings
    relative: Floats = above / max(float(above[cells > 0].std()), 1e-6)
    return relative
