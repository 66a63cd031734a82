"""Weak labels of inhibited cells (appendix A, figure 5): edges and connected components of irregular cells."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes
from sissi.settings import InhibitedCells
from sissi.weak_labels.channels import Image, grey
from sissi.weak_labels.morphology import disk, region_boxes


def find_cells(image: Image, settings: InhibitedCells) -> Boxes:
    """Boxes around the irregular cells of an image; scores are 1.

    Args:
        image: (H, W) or (H, W, 3) uint8 RGB.
        settings: of this pipeline, in px of this image.

    Raises:
        ValueError: the array is no such image.
    """
    even = correct_illumination(grey(image), settings.illumination_radius)
    edges = cv2.Canny(even, *settings.canny, L2gradient=True)
    return region_boxes(components(close_edges(edges, settings.closing_radius)), settings.area, settings.nms_iou)


def correct_illumination(image: Image, radius: int) -> Image:
    """The image (H, W) uint8 less its uneven light, around the mean grey level.

    The light is what alternating sequential filters leave: openings and closings by ever larger disks, which take
    away all that is smaller than `radius`, bright or dark.
    """
    light = image
    for size in _growing(radius):
        opened = cv2.morphologyEx(light, cv2.MORPH_OPEN, disk(size))
        light = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, disk(size))
    even: Image = np.clip(image.astype(np.int16) - light + round(float(light.mean())), 0, 255).astype(np.uint8)
    return even


def close_edges(edges: Image, radius: int) -> Image:
    """Edges (H, W) uint8 joined wherever a disk of this radius in px does not fit between them."""
    closed: Image = cv2.morphologyEx(edges, cv2.MORPH_CLOSE, disk(radius))
    return closed


def components(mask: Image) -> npt.NDArray[np.int32]:
    """Connected components (8 neighbours): (H, W) int32, a number each, 0 for the background."""
    numbered: npt.NDArray[np.int32] = cv2.connectedComponents(mask, connectivity=8)[1]
    return numbered


def _growing(radius: int) -> Iterator[int]:
    """1, 2, 4, ... and finally the radius."""
    size = 1
    while size < radius:
        yield size
        size *= 2
    yield radius
