import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.morphology import reconstruction

from sissi.weak_labels.morphology import (
    close_by_reconstruction,
    disk,
    fill_holes,
    open_by_reconstruction,
    reconstruct,
    region_boxes,
)

from . import pictures

images = st.builds(
    pictures.noise,
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(2, 50), st.integers(2, 50)),
    grain=st.floats(0.5, 4),
)


@given(image=images, lower=st.integers(1, 120))
@settings(max_examples=40, deadline=None)
def test_reconstruction_is_that_of_scikit_image(image: np.ndarray, lower: int) -> None:
    seed = np.maximum(image.astype(int) - lower, 0).astype(np.uint8)
    assert np.array_equal(reconstruct(seed, image), reconstruction(seed, image, method="dilation"))


@given(image=images, radius=st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_opening_only_darkens_closing_only_brightens_and_twice_is_once(image: np.ndarray, radius: int) -> None:
    opened, closed = open_by_reconstruction(image, radius), close_by_reconstruction(image, radius)
    assert np.all(opened <= image)
    assert np.all(closed >= image)
    assert np.array_equal(open_by_reconstruction(opened, radius), opened)
    assert np.array_equal(close_by_reconstruction(closed, radius), closed)


def test_a_disk_is_round() -> None:
    assert disk(1).tolist() == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert disk(6).shape == (13, 13)
    assert disk(6).sum() == pytest.approx(np.pi * 6.5**2, rel=0.1)


def test_regions_become_boxes_of_the_allowed_area() -> None:
    regions = np.zeros((60, 80), np.int32)
    regions[10:20, 10:30] = 1  # 200 square px
    regions[40:42, 40:42] = 3  # 4: too small
    regions[0:60, 50:80] = 7  # 1800: too large
    found = region_boxes(regions, (200, 1000), 0.3)
    assert found.xyxy.tolist() == [[10, 10, 30, 20]]
    assert found.scores.tolist() == [1]


def test_of_two_regions_whose_boxes_overlap_the_smaller_goes() -> None:
    regions = np.zeros((40, 40), np.int32)
    regions[5:35, 5:8] = regions[32:35, 5:35] = 1  # an L around the other
    regions[6:30, 10:35] = 2
    assert region_boxes(regions, (1, 1600), 0.5).xyxy.tolist() == [[5, 5, 35, 35]]
    assert len(region_boxes(regions, (1, 1600), 0.9)) == 2


def test_what_a_mask_encloses_is_filled_and_bays_are_not() -> None:
    ring = np.zeros((20, 30), np.uint8)
    ring[2:12, 2:12] = 255
    ring[5:9, 5:9] = 0
    ring[5:9, 20:28] = 255
    ring[6:9, 22:26] = 0
    filled = fill_holes(ring)
    assert filled[5:9, 5:9].all()
    assert np.array_equal(filled[:, 13:], ring[:, 13:])
    assert fill_holes(np.full((4, 5), 255, np.uint8)).all()
    assert not fill_holes(np.zeros((4, 5), np.uint8)).any()
