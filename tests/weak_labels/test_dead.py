import numpy as np
import pytest

from sissi.boxes import iou
from sissi.config import DeadCells
from sissi.weak_labels import dead

from . import pictures

CIRCLES = [(30.0, 30.0, 7.0), (80.5, 40.5, 10.0), (125.0, 85.0, 14.0), (45.5, 90.0, 12.0)]


def test_discs_are_found_within_two_pixels_margin_included() -> None:
    settings = DeadCells(margin=3)
    found = dead.find_cells(pictures.discs(CIRCLES), settings)
    assert len(found) == len(CIRCLES)
    assert max(pictures.distances(found, CIRCLES, margin=3)) <= 2


def test_a_disc_that_the_border_cuts_gets_a_box_that_ends_there() -> None:
    found = dead.find_cells(pictures.discs([(6.0, 60.0, 12.0)]), DeadCells())
    assert len(found) == 1
    assert found.xyxy[0, 0] == 0


@pytest.mark.parametrize("radius", [3.0, 30.0])
def test_discs_outside_the_radii_are_left_out(radius: float) -> None:
    image = pictures.discs([(80.0, 60.0, radius)])
    assert len(dead.find_cells(image, DeadCells(radius=(7, 15), votes=20))) == 0
    assert len(dead.find_cells(image, DeadCells(radius=(radius - 2, radius + 2), votes=10))) == 1


def test_more_votes_find_fewer_circles() -> None:
    image = pictures.noise(1, (120, 160), 2.0)
    counts = [len(dead.find_circles(image, DeadCells(votes=votes))) for votes in (8, 14, 20)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def test_edges_below_the_threshold_do_not_count() -> None:
    faint = pictures.discs(CIRCLES, light=110, ground=100)
    assert len(dead.find_cells(faint, DeadCells(edge_threshold=200))) == 0
    assert len(dead.find_cells(faint, DeadCells(edge_threshold=30))) == len(CIRCLES)


def test_of_two_overlapping_boxes_the_one_with_fewer_votes_goes() -> None:
    image = pictures.noise(3, (120, 160), 3.0)
    all_boxes = dead.find_cells(image, DeadCells(nms_iou=1))
    found = dead.find_cells(image, DeadCells(nms_iou=0.05))
    assert 0 < len(found) < len(all_boxes)
    assert np.all(iou(found, found) - np.eye(len(found)) <= 0.05)
    most_votes = dead.find_circles(image, DeadCells())[0]
    assert any(np.allclose(box[:2] + box[2:], 2 * most_votes[:2], atol=0.1) for box in found.xyxy)


def test_smoothing_takes_the_votes_of_texture() -> None:
    rough = pictures.discs(CIRCLES).astype(int) + np.random.default_rng(2).normal(0, 12, (120, 160))
    image = np.clip(rough, 0, 255).astype(np.uint8)
    settings = DeadCells(edge_threshold=40)
    smoothed = dead.find_cells(image, settings.model_copy(update={"smoothing": 1.5}))
    assert len(dead.find_cells(image, settings)) > 2 * len(CIRCLES)
    assert len(smoothed) == len(CIRCLES)
    assert max(pictures.distances(smoothed, CIRCLES, margin=2)) <= 2
