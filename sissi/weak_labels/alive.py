"""Weak labels of living cells (appendix A, figure 5): marker-controlled watershed of spindles with bright halos."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from skimage.exposure import adjust_gamma
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.morphology import skeletonize
from skimage.segmentation import watershed

from sissi.boxes import Boxes
from sissi.config import AliveCells
from sissi.weak_labels.channels import Image, hsv_value
from sissi.weak_labels.gradients import derivatives, magnitude
from sissi.weak_labels.morphology import close_by_reconstruction, disk, open_by_reconstruction, region_boxes

Mask = npt.NDArray[np.bool_]
Markers = npt.NDArray[np.int32]
Relief = npt.NDArray[np.float32]


def find_cells(image: Image, settings: AliveCells) -> Boxes:
    """Boxes around the spindle-shaped cells of an image; scores are 1.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.
        settings: settings of this pipeline, in px of this image.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    value = equalise(hsv_value(image), settings)
    flat = remove_ground(close_and_open(value, settings.radius), settings.ground_radius)
    foreground = sure_foreground(flat)
    borders = cell_borders(flat, settings.adaptive_window) & ~foreground
    markers = cell_markers(foreground, settings.marker_distance)
    relief = impose_minima(gradient(flat), (markers > 0) | borders)
    return region_boxes(flood(relief, markers, borders), settings.area, settings.nms_iou)


def equalise(value: Image, settings: AliveCells) -> Image:
    """HSV value (H, W) uint8 after gamma correction and contrast-limited adaptive histogram equalisation (CLAHE)."""
    tiles = (settings.clahe_tiles, settings.clahe_tiles)
    clahe = cv2.createCLAHE(clipLimit=settings.clahe_clip, tileGridSize=tiles)
    equal: Image = clahe.apply(adjust_gamma(value, settings.gamma))
    return equal


def close_and_open(value: Image, radius: int) -> Image:
    """Image (H, W) uint8 after closing, then opening by reconstruction.

    Closing comes first: it fills the grey body inside its bright halo. The opening, which removes specks and noise,
    then leaves one bright region per cell.
    """
    return open_by_reconstruction(close_by_reconstruction(value, radius), radius)


def remove_ground(flat: Image, radius: int) -> Image:
    """White top-hat of an image (H, W) uint8: bright regions narrower than the disk, on black.

    The result does not depend on the remaining uneven illumination.
    """
    cells: Image = cv2.morphologyEx(flat, cv2.MORPH_TOPHAT, disk(radius))
    return cells


def sure_foreground(flat: Image) -> Mask:
    """Pixels above Otsu's threshold, shape (H, W), bool; none in an image of a single grey level."""
    foreground: Mask = flat > threshold_otsu(flat)
    return foreground


def cell_borders(flat: Image, window: int) -> Mask:
    """Lines midway between cells, shape (H, W), bool: the skeleton of the background of an adaptive threshold."""
    local = cv2.adaptiveThreshold(flat, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, window, 0)
    borders: Mask = skeletonize(local == 0)
    return borders


def cell_markers(foreground: Mask, distance: int) -> Markers:
    """Markers of cells: the local maxima of the distance to the background, at least `distance` px apart.

    Returns:
        Number of each marker at its pixel, 0 elsewhere, shape (H, W), int32.
    """
    depth = cv2.distanceTransform(foreground.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    peaks = peak_local_max(depth, min_distance=distance, threshold_abs=0, exclude_border=False)
    markers = np.zeros(foreground.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return markers


def gradient(flat: Image) -> Relief:
    """Magnitude of the Sobel gradient, shape (H, W), float32."""
    return magnitude(*derivatives(flat))


def impose_minima(relief: Relief, at: Mask) -> Relief:
    """Relief with its minimum at these pixels. Other minima stay, since the flooding starts only at these pixels."""
    return np.where(at, np.float32(-1), relief)


def flood(relief: Relief, markers: Markers, borders: Mask) -> npt.NDArray[Any]:
    """Watershed from the markers of cells and from the borders.

    Returns:
        Number of the cell of each pixel, 0 for the background, shape (H, W), integers.
    """
    background = int(markers.max()) + 1
    regions = watershed(relief, np.where(borders, background, markers))
    return np.where(regions == background, 0, regions)
