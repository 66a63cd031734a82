import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sissi.boxes import EMPTY, make_boxes
from sissi.config import Blur
from sissi.method.synthetic_images import blurred, regions, synthesise
from tests.strategies import boxes

STRONG = Blur(kernel=(71, 71), sigma=30)
WEAK = Blur(kernel=(21, 21))


def texture(height=80, width=100, seed=0):
    import cv2

    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)


def covered(record, height, width, margin):
    inside = np.zeros((height, width), bool)
    for left, top, right, bottom in regions(record, height, width, margin):
        inside[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = True
    return inside


@settings(deadline=None, max_examples=30)
@given(boxes(most=5, smallest=2))
def test_outside_the_clones_the_image_is_the_blur(record):
    image = texture()
    result = synthesise(image, record, STRONG, 5)
    outside = ~covered(record, 80, 100, 5)
    assert result.shape == image.shape and result.dtype == np.uint8
    assert np.array_equal(result[outside], blurred(image, STRONG)[outside])


@pytest.mark.parametrize(
    "box", [[30, 20, 55, 45], [0, 0, 20, 20], [80, 60, 100, 80], [0, 30, 12, 50], [40, 70, 60, 80]], ids=str
)
def test_a_cloned_cell_keeps_its_gradients_in_its_place_also_at_the_border(box):
    image = texture()
    result = synthesise(image, make_boxes([box]), STRONG, 5)
    left, top, right, bottom = box
    inner = np.s_[top + 1 : bottom - 1, left + 1 : right - 1]

    def gradients(picture):
        grey = picture.astype(float).mean(axis=2)
        return np.concatenate([np.diff(grey, axis=0)[inner].ravel(), np.diff(grey, axis=1)[inner].ravel()])

    def correlation(other):
        return np.corrcoef(gradients(image), gradients(other))[0, 1]

    shifts = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    best = max(shifts, key=lambda shift: correlation(np.roll(result, shift, axis=(0, 1))))
    assert best == (0, 0)
    assert correlation(result) > 0.95
    assert correlation(blurred(image, STRONG)) < 0.6


def test_an_image_without_boxes_becomes_its_blur():
    image = texture()
    assert np.array_equal(synthesise(image, EMPTY, WEAK, 5), blurred(image, WEAK))


def test_the_strong_background_is_flatter_than_the_weak_one():
    image = texture(160, 200)
    assert blurred(image, STRONG).std() < blurred(image, WEAK).std() < image.std()


def test_the_input_is_left_alone_and_the_result_is_repeatable():
    image = texture()
    before = image.copy()
    record = make_boxes([[10, 10, 30, 30], [20, 20, 40, 40]])
    assert np.array_equal(synthesise(image, record, WEAK, 5), synthesise(image, record, WEAK, 5))
    assert np.array_equal(image, before)


@given(boxes(smallest=0.5), st.integers(2, 9))
def test_regions_contain_their_boxes_and_reach_at_most_the_margin_beyond_the_image(record, margin):
    for (left, top, right, bottom), (x0, y0, x1, y1) in zip(regions(record, 80, 100, margin), record.xyxy, strict=True):
        assert left <= x0 and top <= y0 and right >= x1 and bottom >= y1
        assert left >= -margin and top >= -margin and right <= 100 + margin and bottom <= 80 + margin


def test_the_union_of_one_region_is_its_clone():
    image, record = texture(), make_boxes([[30, 20, 55, 45]])
    assert np.array_equal(synthesise(image, record, WEAK, 5), synthesise(image, record, WEAK, 5, cloning="union"))


def test_regions_that_touch_are_one_in_a_union_and_have_a_seam_cell_by_cell():
    """Two boxes that share an edge, against the one box that they make up."""
    image = texture()
    halves, whole = make_boxes([[20, 20, 45, 60], [45, 20, 70, 60]]), make_boxes([[20, 20, 70, 60]])
    expected = synthesise(image, whole, STRONG, 5)
    assert np.array_equal(synthesise(image, halves, STRONG, 5, cloning="union"), expected)
    assert not np.array_equal(synthesise(image, halves, STRONG, 5), expected)


@settings(deadline=None, max_examples=15)
@given(boxes(most=4, smallest=2))
def test_outside_elliptic_regions_the_image_is_the_blur(record):
    image = texture()
    result = synthesise(image, record, STRONG, 5, shape="ellipse")
    outside = ~covered(record, 80, 100, 5)
    assert np.array_equal(result[outside], blurred(image, STRONG)[outside])


def test_an_ellipse_has_its_area_and_leaves_the_corners_of_its_rectangle():
    from sissi.method.synthetic_images import RIM, _mask

    mask = _mask(60, 100, "ellipse")[RIM:-RIM, RIM:-RIM]
    assert (mask > 0).sum() == pytest.approx(np.pi * 30 * 50, rel=0.01)
    assert not mask[0, 0] and mask[30, 0] and mask[0, 50] and np.array_equal(mask, mask[::-1, ::-1])
    assert (_mask(6, 10, "rectangle")[RIM:-RIM, RIM:-RIM] == 255).all() and _mask(6, 10, "rectangle").shape == (10, 14)


@pytest.mark.parametrize("cloning", ["per_cell", "union"])
@pytest.mark.parametrize("shape", ["rectangle", "ellipse"])
def test_a_clone_of_any_kind_shows_the_cell_in_its_place(cloning, shape):
    image = texture()
    result = synthesise(
        image, make_boxes([[30, 20, 55, 45], [60, 50, 84, 70]]), STRONG, 5, cloning=cloning, shape=shape
    )
    inner = np.s_[27:38, 37:48]
    mine, shown = (picture.astype(float).mean(axis=2)[inner].ravel() for picture in (image, result))
    vague = blurred(image, STRONG).astype(float).mean(axis=2)[inner].ravel()
    assert np.corrcoef(mine, shown)[0, 1] > 0.95 > np.corrcoef(mine, vague)[0, 1]
