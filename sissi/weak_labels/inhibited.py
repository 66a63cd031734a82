"""Weak labels of inhibited cells (appendix A, figure 5): edges and connected components of irregular cells."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes
from sissi.config import InhibitedCells
from sissi.weak_labels.channels import Image, grey
from sissi.weak_labels.gradients import derivatives, magnitude
from sissi.weak_labels.morphology import disk, fill_holes, region_boxes

Regions = npt.NDArray[np.int32]

_ROUNDING = 1.0
"""Standard deviation of a Sobel derivative that is due to rounding to whole grey levels: sqrt(12) * sqrt(1/12)."""
_STEPS = 16
"""Steps per background gradient, since Canny needs integers."""


def find_cells(image: Image, settings: InhibitedCells) -> Boxes:
    """Boxes around the irregular cells of an image; scores are 1.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.
        settings: settings of this pipeline, in px of this image.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    even = correct_illumination(grey(image), settings.illumination_radius)
    return region_boxes(find_regions(even, settings), settings.area, settings.nms_iou)


def find_regions(even: Image, settings: InhibitedCells) -> Regions:
    """Regions that differ from the background: the edges, closed and filled, without thin structures.

    Args:
        even: evenly illuminated image, shape (H, W), uint8.
        settings: settings of this pipeline, in px of this image.

    Returns:
        Number of the region of each pixel, 0 for the background, shape (H, W), int32.
    """
    edges = find_edges(even, settings)
    filled = fill_holes(close_edges(edges, settings.closing_radius))
    return components(cv2.morphologyEx(filled, cv2.MORPH_OPEN, disk(settings.opening_radius)))


def correct_illumination(image: Image, radius: int) -> Image:
    """Image (H, W) uint8 minus its uneven illumination, plus the mean grey level.

    The illumination is the result of alternating sequential filters: openings and closings by growing disks, which
    remove all bright and dark structures smaller than `radius`.
    """
    light = image
    for size in _growing(radius):
        opened = cv2.morphologyEx(light, cv2.MORPH_OPEN, disk(size))
        light = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, disk(size))
    even: Image = np.clip(image.astype(np.int16) - light + round(float(light.mean())), 0, 255).astype(np.uint8)
    return even


def find_edges(even: Image, settings: InhibitedCells) -> Image:
    """Canny edges (H, W) uint8, 0 or 255, with thresholds in multiples of the background gradient.

    Most of an image is background, so the median gradient is due to noise and texture of the background. With it as
    unit, weak cells in an image with little noise are detected like strong cells in a noisy image, independent of the
    exposure.
    """
    smooth = cv2.GaussianBlur(even.astype(np.float32), (0, 0), settings.smoothing)
    across, down = derivatives(smooth)
    step = max(_ROUNDING, float(np.median(magnitude(across, down)))) / _STEPS
    low, high = settings.edge_strength
    whole = [(derivative / step).astype(np.int16) for derivative in (across, down)]
    edges: Image = cv2.Canny(whole[0], whole[1], low * _STEPS, high * _STEPS, L2gradient=True)
    return edges


def close_edges(edges: Image, radius: int) -> Image:
    """Edges (H, W) uint8, joined where a disk of this radius in px does not fit between them."""
    closed: Image = cv2.morphologyEx(edges, cv2.MORPH_CLOSE, disk(radius))
    return closed


def components(mask: Image) -> Regions:
    """Number of the connected component (8 neighbours) of each pixel, 0 for the background, shape (H, W), int32."""
    numbered: Regions = cv2.connectedComponents(mask, connectivity=8)[1]
    return numbered


def _growing(radius: int) -> Iterator[int]:
    """1, 2, 4, ... and finally the radius."""
    size = 1
    while size < radius:
        yield size
        size *= 2
    yield radius
