"""Adherent cells: texture is what is seen of them, and necks and halos part them."""

import numpy as np
import pytest

from sissi.config import AdherentCells
from sissi.weak_labels import adherent

from . import pictures


def textured(circles: list[tuple[float, float, float]], shape: tuple[int, int] = (120, 160)) -> np.ndarray:
    """Grains as bright as dark inside discs, on a ground with little noise."""
    grains = pictures.noise(1, shape, 1.0).astype(float) - 128
    inside = pictures.discs(circles, shape, light=255, ground=0).astype(float) / 255
    return np.clip(np.round(100 + grains * (0.02 + 0.6 * inside)), 0, 255).astype(np.uint8)


def test_texture_is_found_where_light_and_dark_are_balanced():
    circles = [(40.0, 40.0, 13.0), (110.0, 70.0, 14.0)]
    found = adherent.find_cells(textured(circles), AdherentCells(halo_depth=0))
    assert len(found) == 2 and max(pictures.distances(found, circles)) <= 4


def test_cells_that_touch_are_split_at_the_neck():
    found = adherent.find_cells(textured([(50, 60, 15), (78, 60, 15)]), AdherentCells(halo_depth=0))
    assert len(found) == 2


def test_a_halo_parts_cells_without_a_neck():
    image = textured([(40 + x, 60, 11) for x in range(0, 43, 3)]).astype(int)
    image[45:75, 60:63] += 110
    bright = np.clip(image, 0, 255).astype(np.uint8)
    one, two = (adherent.find_cells(bright, AdherentCells(halo_depth=depth)) for depth in (0, 3))
    assert len(one) == 1 and len(two) >= 2


@pytest.mark.parametrize("image", [np.full((50, 60), 90, np.uint8), np.zeros((3, 2, 3), np.uint8)])
def test_an_even_image_has_no_cells(image):
    assert len(adherent.find_cells(image, AdherentCells())) == 0
