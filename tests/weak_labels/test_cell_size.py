"""The size of cells is found in images of which it is known."""

import cv2
import numpy as np
import pytest
from scipy import ndimage

from sissi.config import DemoData
from sissi.data.demo.series import source_image, target_image
from sissi.errors import DataError
from sissi.weak_labels.cell_size import estimate_cell_size, size_in, typical_cell_size

from . import pictures


def dotted(radius: float, shape: tuple[int, int] = (240, 320)) -> np.ndarray:
    """Bright discs apart from each other, on an even ground."""
    step = 3.2 * radius
    rows, columns = (np.arange(step / 2, length, step) for length in shape)
    return pictures.discs([(x, y, radius) for y in rows for x in columns], shape)


@pytest.mark.parametrize("radius", [4, 8, 15, 25, 40])
def test_discs_have_the_size_of_their_diameter(radius):
    assert size_in(dotted(radius)) == pytest.approx(2 * radius, rel=0.2)


@pytest.mark.parametrize("radius", [8, 25])
def test_neither_inversion_nor_contrast_matters(radius):
    image = dotted(radius)
    assert size_in(255 - image) == pytest.approx(size_in(image), rel=0.15)
    assert size_in((image * 0.3 + 100).astype(np.uint8)) == pytest.approx(size_in(image), rel=0.15)


def demo(factor: float) -> list[np.ndarray]:
    images = [target_image(DemoData(kind="demo", seed=21), "target_train", index).pixels for index in range(18)]
    return [cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC) for image in images]


@pytest.mark.parametrize("factor", [1, 2])
def test_the_demo_s_cells_have_the_size_that_they_are_drawn_with(factor):
    found = estimate_cell_size(demo(factor))
    assert found.size == pytest.approx(23 * factor, rel=0.25)
    assert found.low <= found.size <= found.high and 0.3 <= found.confidence <= 1


def test_nuclei_of_two_looks_have_the_size_that_they_are_drawn_with():
    drawn = [source_image(DemoData(kind="demo", seed=21), "source_train", index) for index in range(12)]
    cells = [extent for image in drawn for extent in ndimage.find_objects(image.masks)]
    truth = [max(side.stop - side.start for side in cell) for cell in cells if cell]
    found = estimate_cell_size([image.pixels for image in drawn])
    assert found.size == pytest.approx(np.median(truth), rel=0.25) and not found.varied


def test_images_of_one_kind_are_sure_and_of_very_different_scale_varied():
    one, two = estimate_cell_size([dotted(10)] * 4), estimate_cell_size([dotted(6)] * 4 + [dotted(30)] * 4)
    assert one.confidence == 1 and not one.varied
    assert two.confidence <= 0.5 and two.varied


def test_images_without_cells_count_against_the_estimate():
    empty = np.full((100, 100), 90, np.uint8)
    found = estimate_cell_size([dotted(10), dotted(10), empty, empty])
    assert found.confidence == 0.5 and "2 have none" in found.reason
    assert found.size == typical_cell_size([size_in(dotted(10))]).size


@pytest.mark.parametrize("images", [[], [np.zeros((50, 60), np.uint8)], [np.full((3, 2, 3), 200, np.uint8)]])
def test_where_no_cell_is_to_be_seen_the_size_is_asked_for(images):
    with pytest.raises(DataError, match=r"no cell is to be seen.*--cell-size"):
        estimate_cell_size(images)
