import shlex
from pathlib import Path

import pytest

from sissi.config.variants import VARIANTS
from sissi.results.next_steps import LoggedRuns, preferred_variant

TITLES = {name: variant.title for name, variant in VARIANTS.items()}


@pytest.mark.parametrize(
    ("variants", "taken"),
    [
        (set(VARIANTS), "a+sissi-s"),
        ({"baseline", "plain-a", "weak-only"}, "plain-a"),
        ({"weak-only", "oracle"}, None),
        ({"weak-only", "own", "baseline"}, "baseline"),
        ({"own", "oracle"}, "own"),
        (set(), None),
    ],
)
def test_the_whole_method_is_taken_first_and_no_row_that_does_not_correct(variants, taken):
    assert preferred_variant(variants) == taken


def test_every_model_has_an_address_and_the_commands_can_be_pasted():
    runs = LoggedRuns("a1", {("baseline", 0): "b2", ("a+sissi-s", 0): "c3"}, Path("my lab/runs"))
    lines = runs.next_steps(TITLES).splitlines()
    assert lines[0] == "Run a1. The models of its rows:"
    assert lines[1].split() == ["Baseline", "runs:/b2/model"]
    assert lines[2].split() == ["A", "+", "SISSI", "(S)", "runs:/c3/model"]
    assert shlex.split(lines[4]) == ["sissi", "report", "a1", "--out", "report", "--tracking", "my lab/runs"]
    assert shlex.split(lines[5])[:5] == ["sissi", "labels", "a1", "--out", "labels.json"]
    assert shlex.split(lines[6])[:3] == ["sissi", "predict", "runs:/c3/model"]


def test_seeds_are_named_where_there_are_several_and_the_default_folder_is_not():
    runs = LoggedRuns("a1", {("baseline", seed): f"b{seed}" for seed in (0, 1)}, Path("mlruns"))
    text = runs.next_steps(TITLES)
    assert "Baseline seed 0  runs:/b0/model" in text and "--tracking" not in text
    assert "sissi labels" in text and "sissi labels" not in LoggedRuns("a1", {}, Path("mlruns")).next_steps(TITLES)
    assert "sissi predict" not in LoggedRuns("a1", {}, Path("mlruns")).next_steps(TITLES)
