"""Sizes that are not given follow from the size of a cell; those that are stay."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sissi.config import WeakLabels
from sissi.config.load import load_experiment, load_weak_labels
from sissi.config.sizes import DRAWN_CELL, SizedSettings

SECTIONS = [name for name, section in WeakLabels() if isinstance(section, SizedSettings)]


def test_every_pipeline_has_sizes_that_follow():
    assert set(SECTIONS) == {"auto", "dead", "alive", "inhibited", "adherent", "stained"}
    assert all(getattr(WeakLabels(), name).open_sizes() for name in SECTIONS)


def test_for_drawn_cells_every_size_is_its_default():
    settings = WeakLabels().for_cells_of(DRAWN_CELL)
    assert settings == WeakLabels(cell_size=DRAWN_CELL)
    assert not settings.needs_cell_size


def test_lengths_areas_windows_and_whole_pixels_grow_with_the_cell():
    settings = WeakLabels().for_cells_of(2 * DRAWN_CELL)
    assert settings.dead.radius == (14, 30) and settings.dead.margin == 4
    assert settings.alive.area == (600, 16000)
    assert settings.alive.adaptive_window == 103 and settings.alive.radius == 6  # odd, and whole
    assert settings.inhibited.edge_strength == (2, 5)  # no size


def test_what_is_given_stays_and_what_is_not_follows():
    settings = WeakLabels.model_validate({"dead": {"radius": [9, 18]}}).for_cells_of(2 * DRAWN_CELL)
    assert settings.dead.radius == (9, 18) and settings.dead.margin == 4
    assert settings.for_cells_of(500) == settings.model_copy(update={"cell_size": 500})


@given(st.floats(1, 2000))
def test_settings_for_cells_of_any_size_are_valid_and_scale_back(size):
    settings = WeakLabels().for_cells_of(size)
    assert settings.alive.adaptive_window % 2 and settings.adherent.halo_radius >= 1
    assert settings.scaled(DRAWN_CELL / size).dead.radius == pytest.approx((7, 15))


def test_a_file_holds_the_given_sizes_alone():
    settings = WeakLabels.model_validate({"dead": {"radius": [9, 18], "votes": 20}})
    tree = settings.model_dump(mode="json")
    assert tree["dead"] == {"radius": [9, 18], "edge_threshold": 90, "votes": 20, "nms_iou": 0.2}
    again = WeakLabels.model_validate(tree)
    assert again.dead.open_sizes() == {"smoothing", "margin"}
    assert again.for_cells_of(60) == settings.for_cells_of(60)


def test_a_pipeline_whose_sizes_are_all_given_needs_no_cell_size():
    preset = load_weak_labels(Path("blood_smear"))
    assert not preset.needs_cell_size
    assert preset.model_copy(update={"pipeline": "auto"}).needs_cell_size


def test_the_demo_knows_its_cells_however_its_labels_are_set(tmp_path):
    for weak in ({}, {"weak_labels": {"pipeline": "inhibited"}}, {"weak_labels": {"alive": {"gamma": 2}}}):
        (tmp_path / "demo.yaml").write_text(yaml.safe_dump({"base": "smoke", "data": {"kind": "demo", **weak}}))
        assert load_experiment(tmp_path / "demo.yaml").data.weak_labels.cell_size == DRAWN_CELL
    overridden = load_experiment(tmp_path / "demo.yaml", ["data.weak_labels.cell_size=auto"])
    assert overridden.data.weak_labels.cell_size == "auto"
