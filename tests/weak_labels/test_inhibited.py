import numpy as np
import pytest

from sissi.config import InhibitedCells
from sissi.weak_labels import inhibited

from . import pictures

CIRCLES = [(30.0, 30.0, 8.0), (80.5, 40.5, 10.0), (125.0, 85.0, 12.0), (45.5, 90.0, 11.0)]


@pytest.mark.parametrize("light", [60, 180])
def test_bright_and_dark_cells_are_found_within_two_pixels(light: int) -> None:
    ground = 120
    image = pictures.discs(CIRCLES, light=200, ground=ground)
    if light < ground:
        image = 2 * ground - image
    found = inhibited.find_cells(image, InhibitedCells())
    assert len(found) == len(CIRCLES)
    assert max(pictures.distances(found, CIRCLES)) <= 2


def test_uneven_light_goes_and_cells_stay() -> None:
    slope = np.linspace(0, 90, 160).astype(np.uint8)[None, :]
    ground = np.full((120, 160), 60, np.uint8) + slope
    even = inhibited.correct_illumination(ground, 12)
    assert np.ptp(ground.astype(int)) == 90
    assert np.ptp(even[:, 15:-15].astype(int)) <= 6
    lit = pictures.discs(CIRCLES, light=150, ground=60) + slope
    found = inhibited.find_cells(lit, InhibitedCells(illumination_radius=16))
    assert max(pictures.distances(found, CIRCLES)) <= 2


def test_what_is_larger_than_the_filter_counts_as_light() -> None:
    image = pictures.discs([(50.0, 60.0, 35.0), (130.0, 60.0, 8.0)])
    even = inhibited.correct_illumination(image, 12).astype(int)
    assert abs(even[60, 50] - even[10, 130]) <= 2
    assert even[60, 130] - even[10, 130] > 80


@pytest.mark.parametrize(("gap", "regions"), [(6, 1), (7, 2)])
def test_closing_joins_edges_that_a_disk_does_not_fit_between(gap: int, regions: int) -> None:
    edges = np.zeros((30, 60), np.uint8)
    edges[10, 10:50] = edges[10 + gap + 1, 10:50] = 255
    assert inhibited.components(inhibited.close_edges(edges, 3)).max() == regions


def test_cells_outside_the_areas_are_left_out() -> None:
    found = inhibited.find_cells(pictures.discs(CIRCLES), InhibitedCells(area=(300, 560)))
    assert len(found) == 2
    assert np.all((found.areas >= 300) & (found.areas <= 560))


def test_weak_edges_need_a_lower_threshold() -> None:
    faint = pictures.discs(CIRCLES, light=112, ground=100)
    assert len(inhibited.find_cells(faint, InhibitedCells(edge_strength=(30, 60)))) == 0
    assert len(inhibited.find_cells(faint, InhibitedCells(edge_strength=(2, 5)))) == len(CIRCLES)


def test_the_threshold_follows_the_noise_of_the_ground() -> None:
    noise = np.random.default_rng(4).normal(0, 1, (120, 160))
    clean = pictures.discs(CIRCLES, light=118, ground=100) + noise
    strong = pictures.discs(CIRCLES, light=172, ground=100) + 4 * noise
    for image in (clean, strong):
        found = inhibited.find_cells(np.round(image).astype(np.uint8), InhibitedCells())
        assert len(found) == len(CIRCLES)
        assert max(pictures.distances(found, CIRCLES)) <= 2


def test_noise_alone_has_no_edges() -> None:
    noise = np.random.default_rng(5).normal(100, 6, (480, 640)).astype(np.uint8)
    edges = inhibited.find_edges(noise, InhibitedCells())
    assert not edges.any()


def test_thin_remains_go_and_cells_stay() -> None:
    image = pictures.discs(CIRCLES)
    image[60:63, 60:100] = 200
    assert len(inhibited.find_cells(image, InhibitedCells(opening_radius=1))) == len(CIRCLES) + 1
    assert len(inhibited.find_cells(image, InhibitedCells(opening_radius=5))) == len(CIRCLES)
