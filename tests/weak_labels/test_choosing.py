"""`auto` takes the pipeline by how light lies on the cells."""

import numpy as np
import pytest

from sissi.boxes import same
from sissi.config import PipelineChoice, WeakLabels
from sissi.weak_labels import Choice, choose, find_cells, label_cells
from sissi.weak_labels.choosing import measure
from sissi.weak_labels.kinds import of_pipeline

from . import pictures

CIRCLES = [(30.0, 30.0, 8.0), (80.5, 40.5, 9.0), (125.0, 85.0, 9.0), (45.5, 90.0, 8.0)]
GROUND = 90


def ringed() -> np.ndarray:
    """Bright discs in dark rings, as dead cells are."""
    inner = pictures.discs([(x, y, r - 3) for x, y, r in CIRCLES], light=200, ground=GROUND).astype(int) - GROUND
    outer = pictures.discs(CIRCLES, light=GROUND + 60, ground=GROUND).astype(int) - GROUND
    return np.where(inner > 0, GROUND + inner, GROUND - outer).astype(np.uint8)


def mottled(circles: list[tuple[float, float, float]] = CIRCLES, strength: float = 30) -> np.ndarray:
    """Discs of which one half is brighter and the other darker than the ground, as grains of inhibited cells are."""
    light = strength * pictures.discs(circles, light=255, ground=0).astype(float) / 255
    halves = np.zeros(light.shape, np.bool_)
    for x, y, radius in circles:
        halves[int(y) - 12 : int(y), int(x - radius) - 2 : int(x + radius) + 3] = True
    return (GROUND + np.where(halves, light, -0.4 * light)).astype(np.uint8)


def purple(light: np.ndarray) -> np.ndarray:
    """The bright parts as dark purple ones on white."""
    absorbed = (light.astype(float) - GROUND)[..., None] * [0.6, 1.2, 0.4]
    return np.clip(230 - absorbed, 0, 255).astype(np.uint8)


def touching() -> np.ndarray:
    """Mottled cells in a row, and a single one."""
    return mottled([*((20.0 + 14 * column, 30.5, 8.0) for column in range(8)), (80.0, 90.5, 8.0)])


@pytest.mark.parametrize(
    ("image", "pipeline", "why"),
    [
        (ringed(), "dead", "dark ring"),
        (pictures.discs(CIRCLES), "stained", "brighter than the background"),  # as in fluorescence
        (255 - pictures.discs(CIRCLES), "stained", "darker than the background"),  # as stained blood
        (purple(pictures.discs(CIRCLES)), "stained", "colour"),
        (touching(), "adherent", "cells touch"),
        (pictures.halos(CIRCLES, body=100), "alive", "bright halo"),
        (mottled(), "inhibited", "neither"),
        (mottled(strength=70), "adherent", "strong halos"),
        (np.full((60, 60), 90, np.uint8), "inhibited", "no region of the size of a cell"),
    ],
)
def test_light_says_which_pipeline(image: np.ndarray, pipeline: str, why: str) -> None:
    choice = choose(image, WeakLabels())
    assert choice.pipeline == pipeline
    assert why in choice.reason


def test_brightness_and_contrast_do_not_matter() -> None:
    image = ringed()
    brighter = np.round(60 + 0.6 * image).astype(np.uint8)
    look, other = measure(image, WeakLabels()), measure(brighter, WeakLabels())
    assert look.regions == other.regions == len(CIRCLES)
    assert other.rim == pytest.approx(look.rim, abs=0.05)
    assert other.balance == pytest.approx(look.balance, abs=0.05)


def test_balance_is_1_where_all_is_brighter_and_minus_1_where_all_is_darker() -> None:
    image = pictures.discs(CIRCLES)
    assert measure(image, WeakLabels()).balance == pytest.approx(1, abs=0.01)
    assert measure(255 - image, WeakLabels()).balance == pytest.approx(-1, abs=0.01)


def test_the_limits_are_settings_and_the_reason_names_them() -> None:
    image = pictures.halos(CIRCLES, body=100)
    assert choose(image, WeakLabels(auto=PipelineChoice(dark_rim=2))) == Choice("dead", "rim 1.31 < 2.0: dark ring")
    assert choose(image, WeakLabels(auto=PipelineChoice(bright_balance=2, strong_contrast=2))).pipeline == "inhibited"
    assert choose(image, WeakLabels(auto=PipelineChoice(bright_balance=2, even_balance=2))).pipeline == "adherent"
    assert measure(image, WeakLabels(auto=PipelineChoice(area=(1000, 2000)))).regions == 0


def test_auto_gives_the_boxes_of_the_pipeline_that_it_takes() -> None:
    settings = WeakLabels(pipeline="auto")
    for image in (ringed(), pictures.halos(CIRCLES, body=100), mottled()):
        pipeline = choose(image, settings).pipeline
        assert same(label_cells(image, settings, None), of_pipeline(find_cells(image, settings, pipeline), pipeline))
