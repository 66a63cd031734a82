"""Outlines, light and places of the demo."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sissi.data.demo import light, outlines
from sissi.data.demo.placing import extents, scatter

seeds = st.integers(0, 10_000)


def test_depth_is_the_signed_distance_to_a_circle() -> None:
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    circle = 10 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    inside = outlines.depth(circle, (30.0, 24.0), (50, 60))
    y, x = np.mgrid[0:50, 0:60] + 0.5
    assert np.abs(inside - (10 - np.hypot(x - 30, y - 24))).max() < 0.5


@given(seed=seeds)
@settings(max_examples=30, deadline=None)
def test_outlines_have_the_size_that_was_asked_for(seed: int) -> None:
    rng = np.random.default_rng(seed)
    longest = {
        "disc": (outlines.disc(rng, (10, 20)), 9, 22),
        "lobed": (outlines.lobed(rng, (14, 24)), 8, 34),
        "blob": (outlines.blob(rng, (14, 24)), 10, 29),
        "spindle": (outlines.spindle(rng, (20, 30), (6, 10)), 19, 32),
    }
    for outline, low, high in longest.values():
        span = np.linalg.norm(outline[:, None] - outline[None], axis=2).max()
        assert low <= span <= high


@pytest.mark.parametrize("grain", [1.0, 2.5, 6.0])
def test_texture_has_unit_strength_at_every_scale(grain: float) -> None:
    field = light.texture(np.random.default_rng(0), (400, 400), grain)
    assert field.std() == pytest.approx(1, rel=0.1)
    assert abs(field.mean()) < 0.2
    neighbours = np.corrcoef(field[:, :-1].ravel(), field[:, 1:].ravel())[0, 1]
    assert neighbours == pytest.approx(np.exp(-1 / (4 * grain**2)), abs=0.03)


@given(seed=seeds, strength=st.floats(0.01, 0.4))
@settings(max_examples=30, deadline=None)
def test_uneven_light_stays_near_one_and_grows_with_its_strength(seed: int, strength: float) -> None:
    field = light.uneven_light(np.random.default_rng(seed), (40, 60), strength)
    assert np.abs(field - 1).max() <= 2 * strength + 1e-6
    assert np.ptp(field) >= 0.3 * strength


def test_the_sensor_adds_its_noise_and_keeps_the_mean() -> None:
    even = np.full((200, 200), 128, np.float32)
    photograph = light.expose(np.random.default_rng(0), even, blur=0.7, noise=4)
    assert photograph.mean() == pytest.approx(128, abs=0.2)
    assert photograph.std() == pytest.approx(4, rel=0.05)


@given(seed=seeds, count=st.integers(0, 40))
@settings(max_examples=25, deadline=None)
def test_scattered_cells_overlap_little_and_can_be_seen(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    disc = np.hypot(*(np.mgrid[0:24, 0:24] - 11.5)) < 9
    placed = scatter(rng, [disc] * count, (90, 110), np.zeros((90, 110), np.bool_))
    taken = np.zeros((90, 110), np.bool_)
    for cell in placed:
        assert (cell.mask & taken).sum() <= 0.15 * disc.sum()
        assert cell.visible == cell.mask.sum() / disc.sum() >= 0.35
        assert np.array_equal(cell.mask[cell.image], disc[cell.stamp])
        taken |= cell.mask
    assert [cell.index for cell in placed] == sorted({cell.index for cell in placed})


def test_a_cell_without_a_place_is_left_out() -> None:
    body = np.ones((8, 8), np.bool_)
    assert scatter(np.random.default_rng(0), [body], (50, 50), np.ones((50, 50), np.bool_)) == []


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20), st.integers(1, 10), st.integers(1, 10)), max_size=5))
def test_extents_are_those_of_the_pixels(corners: list[tuple[int, int, int, int]]) -> None:
    masks = []
    for left, top, width, height in corners:
        mask = np.zeros((30, 40), np.bool_)
        mask[top : top + height, left : left + width] = True
        masks.append(mask)
    expected = [[left, top, left + width, top + height] for left, top, width, height in corners]
    assert extents(masks).xyxy.tolist() == expected
