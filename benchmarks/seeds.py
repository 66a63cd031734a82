"""The seeds of an ablation side by side, against one after another."""

from __future__ import annotations

import io
from collections.abc import Sequence
from unittest.mock import patch

from rich.console import Console

from benchmarks.ablation import small_experiment
from benchmarks.commands import fresh
from benchmarks.row import Row, compare
from benchmarks.untracked import silent_session
from sissi.ablation import run
from sissi.ablation.runner import StageRunner, T
from sissi.config.load import load_experiment
from sissi.runtime.plans import Plan
from sissi.runtime.progress import Display

SEEDS = (0, 1, 2)
ROWS = "baseline, plain-a, a+sissi-s"
all_at_once = StageRunner.run


def measure() -> list[Row]:
    """They begin with an empty cache each time, and early learning has one thread, as a branch has."""
    return [
        compare(
            lambda: _ablation(one_by_one=False),
            lambda: _ablation(one_by_one=True),
            repeats=3,
            warm_up=False,
            what=f"{len(SEEDS)} seeds of {len(ROWS.split(', '))} rows side by side on two cores",
            against="one seed after another",
            goal=0.85,
            limited_by="the branches; early learning of a seed fills the core that the others leave",
        )
    ]


def _ablation(one_by_one: bool) -> None:
    settings = (
        f"tracking.folder={fresh('seeds')}",
        f"seeds={list(SEEDS)}",
        f"variants=[{ROWS}]",
        "runtime.jobs=2",
        "runtime.trunk_threads=1",
    )
    experiment = load_experiment(small_experiment(), settings)
    with (
        Display(Console(file=io.StringIO())) as display,
        patch("sissi.ablation.run.open_session", silent_session),
        patch.object(StageRunner, "run", _in_turn if one_by_one else all_at_once),
    ):
        run.run_ablation(experiment, display)


def _in_turn(runner: StageRunner, plans: Sequence[Plan[T]]) -> list[T]:
    return [result for plan in plans for result in all_at_once(runner, [plan])]
