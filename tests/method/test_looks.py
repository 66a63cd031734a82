"""Another look at an image that was looked at before."""

import numpy as np
import pytest

from sissi.boxes import EMPTY, make_boxes, same
from sissi.config import PseudoLabels
from sissi.method.looks import agree, first_views, look_again
from sissi.method.pseudo_labels import pseudo_labels, views

IMAGE = np.zeros((60, 80, 3), np.uint8)
CELLS = make_boxes([[10 * k, 20, 10 * k + 8, 28] for k in range(8)], [0.9] * 8)


class Detector:
    """Finds cells where they are, in views of every size, and keeps these sizes."""

    def __init__(self, cells):
        self.cells, self.sizes = cells, []

    def __call__(self, images):
        found = []
        for image in images:
            self.sizes.append(image.shape[:2])
            factor = image.shape[0] / IMAGE.shape[0]
            found.append(make_boxes(self.cells.xyxy * factor, self.cells.scores))
        return found


@pytest.fixture
def experiment(smoke):
    return smoke.model_copy(update={"pseudo_labels": PseudoLabels(settled=0.8, flips=["none"])})


def test_an_image_in_which_one_scale_finds_the_same_is_not_looked_at_by_the_others(experiment):
    settings, detector = experiment.pseudo_labels, Detector(CELLS.take(np.arange(6)))  # F1 is 12 of 14
    found = look_again(detector, IMAGE, settings, EMPTY, CELLS, experiment)
    assert detector.sizes == [IMAGE.shape[:2]] and np.array_equal(found.xyxy, CELLS.xyxy[:6])


def test_an_image_in_which_it_finds_others_is_looked_at_as_for_the_first_time(experiment):
    settings, before = experiment.pseudo_labels, CELLS.take(np.arange(3))
    detector, fresh = Detector(CELLS), Detector(CELLS)
    found = look_again(detector, IMAGE, settings, EMPTY, before, experiment)
    assert same(found, pseudo_labels(fresh, IMAGE, settings)) and len(found) == 8
    assert sorted(detector.sizes) == sorted(fresh.sizes) and len(fresh.sizes) == len(settings.scales)


def test_the_views_of_all_scales_are_fused_in_their_order_whatever_came_first(experiment):
    settings = experiment.pseudo_labels.model_copy(update={"flips": ("none", "horizontal")})

    def by_size(images):
        """Boxes that depend on the size and the flip of the view alone."""
        return [make_boxes([[5, 5, 20 + image.shape[0] / 9, 20 + image[0, 0, 0]]], [0.9]) for image in images]

    image = IMAGE.copy()
    image[:, :40] = 3
    found = look_again(by_size, image, settings, EMPTY, EMPTY, experiment)
    assert same(found, pseudo_labels(by_size, image, settings)) and len(found) > 0


def test_first_views_are_those_of_the_scale_nearest_to_1_or_the_first_of_a_single_scale():
    several = views(PseudoLabels(scales=[0.8, 1.1, 1.3], flips=["none", "both"]))
    assert [(view.scale, view.vertical) for view in first_views(several)] == [(1.1, False), (1.1, True)]
    single = views(PseudoLabels(scales=[2.0], flips=["horizontal", "none"]))
    assert first_views(single) == single[:1]


def test_an_image_without_cells_is_settled_and_one_that_loses_its_cells_is_not(smoke):
    experiment = smoke.model_copy(update={"pseudo_labels": PseudoLabels(settled=0.5)})
    assert agree(EMPTY, EMPTY, experiment) and not agree(CELLS, EMPTY, experiment)
    assert agree(CELLS, CELLS.take([0, 1, 2]), experiment) and not agree(CELLS, CELLS.take([0, 1]), experiment)
    assert not agree(CELLS, CELLS, smoke)
