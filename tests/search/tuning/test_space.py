from typing import get_args

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.config import WeakLabels
from sissi.config.sizes import DRAWN_CELL, SizedSettings
from sissi.names import PipelineName
from sissi.search.tuning.space import CELL_FACTOR, FACTOR, RATIO_EXPONENT, SIZE_FACTOR, Space

PIPELINES = get_args(PipelineName)
AUTO = WeakLabels(pipeline="auto")


class Chosen(optuna.trial.FixedTrial):
    """A trial in which every number has the value at a share of its range, and the pipeline is given."""

    def __init__(self, pipeline, share):
        super().__init__({"pipeline": pipeline})
        self.share = share

    def suggest_float(self, name, low, high, *, step=None, log=False):
        return low * (high / low) ** self.share if log else low + (high - low) * self.share

    def suggest_categorical(self, name, choices):
        return super().suggest_categorical(name, choices) if name == "pipeline" else choices[0]


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_the_centre_of_the_space_is_the_untuned_settings(pipeline):
    space = Space(AUTO)
    settings = space.suggest(optuna.trial.FixedTrial(space.untuned(pipeline)), DRAWN_CELL)
    assert settings.pipeline == pipeline and settings.cell_size == DRAWN_CELL
    assert getattr(settings, pipeline) == getattr(WeakLabels(), pipeline).for_cells_of(DRAWN_CELL)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_every_setting_of_a_pipeline_is_searched_or_given(pipeline):
    section = getattr(AUTO, pipeline)
    searched = {one.key for one in Space(AUTO).dimensions(pipeline)}
    assert searched == set(type(section).model_fields)
    assert isinstance(section, SizedSettings)


@given(st.sampled_from(PIPELINES), st.floats(0, 1), st.floats(4, 400))
def test_every_point_of_the_space_is_allowed_and_every_size_of_the_pipeline_is_set(pipeline, share, size):
    settings = Space(AUTO).suggest(Chosen(pipeline, share), size)
    assert not settings.needs_cell_size
    assert WeakLabels.model_validate(settings.model_dump(mode="json", exclude_unset=True)) == settings


def test_sizes_follow_the_size_of_a_cell_and_thresholds_do_not():
    low, high = (Space(AUTO).suggest(Chosen("dead", share), 2 * DRAWN_CELL).dead for share in (0, 1))
    assert high.radius[0] == pytest.approx(7 * 2 * SIZE_FACTOR * CELL_FACTOR, rel=0.01)
    assert high.radius[1] / high.radius[0] == pytest.approx((15 / 7) ** RATIO_EXPONENT, rel=0.01)
    assert low.radius[0] == pytest.approx(7 * 2 / SIZE_FACTOR / CELL_FACTOR, rel=0.01)
    assert (low.edge_threshold, high.edge_threshold) == pytest.approx((90 / FACTOR, 90 * FACTOR), rel=0.01)
    assert high.nms_iou / (1 - high.nms_iou) == pytest.approx(0.2 / 0.8 * FACTOR, rel=0.01)
    assert low.smoothing == 0 < high.smoothing


def test_what_is_given_stays():
    space = Space(WeakLabels.model_validate({"pipeline": "dead", "cell_size": 30, "dead": {"votes": 5}}))
    assert space.pipelines == ("dead",)
    names = set(space.untuned("dead"))
    assert not names & {"cell_size", "dead.votes"} and "dead.margin" in names
    settings = space.suggest(Chosen("dead", 1.0), 99)
    assert settings.dead.votes == 5 and settings.cell_size == 99
