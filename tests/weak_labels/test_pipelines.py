"""What holds for all pipelines."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sissi.boxes import Boxes, iou, same
from sissi.config import AdherentCells, AliveCells, DeadCells, InhibitedCells, StainedCells
from sissi.weak_labels import adherent, alive, dead, inhibited, stained
from sissi.weak_labels.channels import Image

from . import pictures

PIPELINES = {
    "dead": lambda image: dead.find_cells(image, DeadCells()),
    "alive": lambda image: alive.find_cells(image, AliveCells()),
    "inhibited": lambda image: inhibited.find_cells(image, InhibitedCells()),
    "adherent": lambda image: adherent.find_cells(image, AdherentCells()),
    "stained": lambda image: stained.find_cells(image, StainedCells()),
}
each_pipeline = pytest.mark.parametrize("find", PIPELINES.values(), ids=PIPELINES.keys())
Find = Callable[[Image], Boxes]

images = st.builds(
    pictures.noise,
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    grain=st.floats(0.5, 6),
)


@each_pipeline
@given(level=st.integers(0, 255), shape=st.tuples(st.integers(1, 60), st.integers(1, 60)))
@settings(max_examples=20, deadline=None)
def test_an_even_image_has_no_cells(find: Find, level: int, shape: tuple[int, int]) -> None:
    assert len(find(np.full(shape, level, np.uint8))) == 0


@each_pipeline
@given(image=images)
@settings(max_examples=25, deadline=None)
def test_boxes_lie_inside_any_image_and_are_certain(find: Find, image: Image) -> None:
    found = find(image)
    height, width = image.shape
    assert np.all(found.xyxy >= 0)
    assert np.all(found.xyxy[:, 2:] <= (width, height))
    assert np.all(found.areas > 0)
    assert np.all(found.scores == 1)


@each_pipeline
@given(image=images)
@settings(max_examples=15, deadline=None)
def test_grey_is_colour_with_equal_channels_and_every_run_is_the_same(find: Find, image: Image) -> None:
    before = image.copy()
    found = find(image)
    assert same(found, find(np.repeat(image[..., None], 3, axis=2)))
    assert same(found, find(image))
    assert np.array_equal(image, before)


@pytest.mark.parametrize(
    ("find", "limits"),
    [(PIPELINES["alive"], AliveCells()), (PIPELINES["inhibited"], InhibitedCells())],
    ids=["alive", "inhibited"],
)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_areas_and_overlaps_stay_within_their_limits(
    find: Find, limits: AliveCells | InhibitedCells, seed: int
) -> None:
    found = find(pictures.noise(seed, (120, 120), 4.0))
    overlaps = iou(found, found) - np.eye(len(found))
    assert np.all(overlaps <= limits.nms_iou)
    assert np.all((found.areas >= limits.area[0]) & (found.areas <= limits.area[1]))


@each_pipeline
@pytest.mark.parametrize(
    "image",
    [
        np.zeros((20, 20), np.float32),
        np.zeros((20, 20, 4), np.uint8),
        np.zeros((2, 20, 20, 3), np.uint8),
        np.zeros((0, 20), np.uint8),
    ],
    ids=["float", "alpha", "batch", "empty"],
)
def test_anything_but_an_8_bit_image_is_refused(find: Find, image: Image) -> None:
    with pytest.raises(ValueError, match=r"an image must be \(H, W\) or \(H, W, 3\) uint8"):
        find(image)
