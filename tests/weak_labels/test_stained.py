"""Stained and fluorescent cells, of any colour and on uneven ground."""

import numpy as np
import pytest

from sissi.config import StainedCells
from sissi.weak_labels import stained
from sissi.weak_labels.background import departure

from . import pictures

CIRCLES = [(30.0, 30.0, 10.0), (90.0, 40.0, 12.0), (50.0, 85.0, 11.0), (125.0, 90.0, 10.0)]


def look(kind: str) -> np.ndarray:
    grey = pictures.discs(CIRCLES).astype(float)
    ramp = np.linspace(-30, 30, grey.shape[1])[None, :]
    stain = 230 - (grey - 90)[..., None] * [0.3, 1.2, 0.5]
    made = {"bright": grey, "dark": 255 - grey, "uneven": grey + ramp, "faint": 100 + grey * 0.1, "colour": stain}[kind]
    return np.clip(np.round(made), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", ["bright", "dark", "uneven", "faint", "colour"])
def test_discs_are_found_on_any_ground(kind):
    found = stained.find_cells(look(kind), StainedCells())
    assert len(found) == len(CIRCLES)
    assert max(pictures.distances(found, CIRCLES)) <= 2.5


def test_touching_cells_are_split():
    found = stained.find_cells(pictures.discs([(60, 60, 12), (82, 60, 12)]), StainedCells())
    assert len(found) == 2 and found.xyxy[:, 0].max() == pytest.approx(71, abs=2)


@pytest.mark.parametrize(("radius", "count"), [(4, 1), (9, 2)])
def test_a_pale_centre_belongs_to_its_cell_and_a_large_hole_does_not(radius, count):
    ring = pictures.discs([(80, 60, 20)])
    ring[pictures.discs([(80, 60, radius)]) > 100] = 90
    settings = StainedCells(hole=130)
    mask = stained.find_foreground(departure(ring, settings.smoothing, settings.ground).distance, settings)
    assert bool(mask[60, 80]) == (count == 1)


def test_an_even_image_has_no_cells():
    assert len(stained.find_cells(np.full((50, 60, 3), 90, np.uint8), StainedCells())) == 0
