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
        image: (H, W) or (H, W, 3) uint8 RGB.
        settings: of this pipeline, in px of this image.

    Raises:
        ValueError: the array is no such image.
    """
    value = equalise(hsv_value(image), settings)
    flat = remove_ground(close_and_open(value, settings.radius), settings.ground_radius)
    foreground = sure_foreground(flat)
    borders = cell_borders(flat, settings.adaptive_window) & ~foreground
    markers = cell_markers(foreground, settings.marker_distance)
    relief = impose_minima(gradient(flat), (markers > 0) | borders)
    return region_boxes(flood(relief, markers, borders), settings.area, settings.nms_iou)


def equalise(value: Image, settings: AliveCells) -> Image:
    """Gamma correction and contrast-limited adaptive histogram equalisation (CLAHE) of HSV value: (H, W) uint8."""
    tiles = (settings.clahe_tiles, settings.clahe_tiles)
    clahe = cv2.createCLAHE(clipLimit=settings.clahe_clip, tileGridSize=tiles)
    equal: Image = clahe.apply(adjust_gamma(value, settings.gamma))
    return equal


def close_and_open(value: Image, radius: int) -> Image:
    """Closing, then opening by reconstruction: (H, W) uint8.

    Closing comes first: it fills the grey body inside its bright halo, so that the opening, which takes away specks
    and noise, finds one bright region a cell.
    """
    return open_by_reconstruction(close_by_reconstruction(value, radius), radius)


def remove_ground(flat: Image, radius: int) -> Image:
    """White top-hat, (H, W) uint8: bright regions narrower than the disk on black, whatever light is left uneven."""
    cells: Image = cv2.morphologyEx(flat, cv2.MORPH_TOPHAT, disk(radius))
    return cells


def sure_foreground(flat: Image) -> Mask:
    """Pixels above Otsu's threshold, (H, W) bool; none in an image of a single grey level."""
    foreground: Mask = flat > threshold_otsu(flat)
    return foreground


def cell_borders(flat: Image, window: int) -> Mask:
    """Lines midway between cells: the skeleton of what an adaptive threshold calls background, (H, W) bool."""
    local = cv2.adaptiveThreshold(flat, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, window, 0)
    borders: Mask = skeletonize(local == 0)
    return borders


def cell_markers(foreground: Mask, distance: int) -> Markers:
    """A number for each cell at the local maxima of the distance to the background, at least `distance` px apart.

    Returns:
        (H, W) int32, 0 where there is no marker.
    """
    depth = cv2.distanceTransform(foreground.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    peaks = peak_local_max(depth, min_distance=distance, threshold_abs=0, exclude_border=False)
    markers = np.zeros(foreground.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return markers


def gradient(flat: Image) -> Relief:
    """Magnitude of the Sobel gradient: (H, W) float32."""
    return magnitude(*derivatives(flat))


def impose_minima(relief: Relief, at: Mask) -> Relief:
    """The relief with its minimum at these pixels (the flood starts nowhere else, so other minima may stay)."""
    return np.where(at, np.float32(-1), relief)


def flood(relief: Relief, markers: Markers, borders: Mask) -> npt.NDArray[Any]:
    """Watershed from the cells' markers and from the borders: (H, W) integers, a cell's number, or 0 for background."""
    background = int(markers.max()) + 1
    regions = watershed(relief, np.where(borders, background, markers))
    return np.where(regions == background, 0, regions)
