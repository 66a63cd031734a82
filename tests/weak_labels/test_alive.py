from collections.abc import Callable

import numpy as np
import pytest

from sissi.config import AliveCells
from sissi.weak_labels import alive
from sissi.weak_labels.channels import Image

from . import pictures

CIRCLES = [(30.0, 30.0, 8.0), (80.5, 40.5, 9.0), (125.0, 85.0, 9.0), (45.5, 90.0, 8.0)]


@pytest.mark.parametrize("draw", [pictures.discs, pictures.halos])
def test_bright_cells_and_grey_cells_in_halos_are_found_within_two_pixels(draw: Callable[..., Image]) -> None:
    settings = AliveCells(radius=6, clahe_tiles=1)
    found = alive.find_cells(draw(CIRCLES), settings)
    assert len(found) == len(CIRCLES)
    assert max(pictures.distances(found, CIRCLES)) <= 2


def test_two_cells_that_touch_get_a_box_each() -> None:
    touching = [(60.0, 60.0, 9.0), (76.0, 60.0, 9.0)]
    found = alive.find_cells(pictures.discs(touching), AliveCells(clahe_tiles=1, marker_distance=6))
    assert len(found) == 2
    assert max(pictures.distances(found, touching)) <= 3


def test_a_slope_of_light_goes_with_the_ground() -> None:
    slope = np.linspace(0, 60, 160).astype(np.uint8)[None, :]
    ground = np.full((120, 160), 90, np.uint8) + slope
    assert alive.remove_ground(ground, 10).max() <= 5
    found = alive.find_cells(pictures.discs(CIRCLES, light=190) + slope, AliveCells(clahe_tiles=1))
    assert max(pictures.distances(found, CIRCLES)) <= 2


def test_closing_fills_the_body_and_opening_takes_specks() -> None:
    cell, speck = (40.0, 60.0, 8.0), (110.0, 60.0, 2.0)
    simple = alive.close_and_open(pictures.halos([cell]) + pictures.discs([speck], ground=0, light=100), 6)
    assert simple[60, 40] == simple[60, 34] > 150
    assert simple[60, 110] == 90


def test_equalise_stretches_contrast() -> None:
    dull = pictures.discs(CIRCLES, light=110, ground=100)
    assert np.ptp(alive.equalise(dull, AliveCells(clahe_clip=4)).astype(int)) > 2 * np.ptp(dull.astype(int))


def test_gamma_bends_grey_levels() -> None:
    image = pictures.discs(CIRCLES)
    dark, bright = (alive.equalise(image, AliveCells(gamma=gamma)) for gamma in (3.0, 0.3))
    assert dark.mean() < bright.mean()


def test_otsu_takes_the_discs_and_nothing_of_an_even_image() -> None:
    cells = pictures.discs(CIRCLES) > 145
    assert np.array_equal(alive.sure_foreground(np.where(cells, 150, 90).astype(np.uint8)), cells)
    assert not alive.sure_foreground(np.full((20, 20), 7, np.uint8)).any()


def test_markers_are_one_a_cell_and_keep_their_distance() -> None:
    markers = alive.cell_markers(pictures.discs(CIRCLES) > 145, distance=8)
    assert sorted(np.unique(markers)) == [0, 1, 2, 3, 4]
    marked = {(round(x), round(y)) for y, x in np.argwhere(markers)}
    assert all(any(abs(x - a) + abs(y - b) <= 3 for a, b in marked) for x, y, _ in CIRCLES)
    ridge = np.zeros((40, 200), np.bool_)
    ridge[10:30, 5:195] = True
    columns = np.sort(np.argwhere(alive.cell_markers(ridge, distance=9))[:, 1])
    assert len(columns) >= 2
    assert np.all(np.diff(columns) >= 9)


def test_borders_run_between_cells() -> None:
    image = pictures.discs([(40.0, 60.0, 9.0), (80.0, 60.0, 9.0)])
    borders = alive.cell_borders(image, 51)
    assert borders[60, 49:72].any()
    assert not borders[image > 145].any()


def test_the_flood_stops_at_the_ridge_between_two_markers() -> None:
    relief = np.zeros((5, 21), np.float32)
    relief[:, 10] = 9
    markers = np.zeros((5, 21), np.int32)
    markers[2, 3], markers[2, 17] = 1, 2
    none = np.zeros((5, 21), np.bool_)
    regions = alive.flood(alive.impose_minima(relief, markers > 0), markers, none)
    assert np.all(regions[:, :10] == 1)
    assert np.all(regions[:, 11:] == 2)


def test_borders_flood_the_background() -> None:
    relief = np.zeros((5, 21), np.float32)
    relief[:, 10] = 9
    markers = np.zeros((5, 21), np.int32)
    markers[2, 3] = 1
    borders = np.zeros((5, 21), np.bool_)
    borders[:, 17] = True
    regions = alive.flood(alive.impose_minima(relief, (markers > 0) | borders), markers, borders)
    assert np.all(regions[:, :10] == 1)
    assert np.all(regions[:, 11:] == 0)
