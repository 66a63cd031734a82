"""Where the time of an ablation goes: its stages one after the other in this process, under a profiler."""

from __future__ import annotations

import cProfile
import io
import pstats
import shutil
from collections.abc import Iterable
from typing import Any
from unittest.mock import patch

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.ablation import small_experiment
from benchmarks.subjects import FOLDER
from benchmarks.untracked import silent_session
from sissi.ablation import run
from sissi.config.load import load_experiment
from sissi.runtime.events import Event
from sissi.runtime.jobs import Ended, Job, OnEvent, Outcome
from sissi.runtime.progress import Display

PARTS = {
    "train_epoch": "training",
    "__getitem__": "  of which reading and augmenting",
    "synthesise": "  of which synthetic-like images",
    "predict_pseudo_labels": "label correction",
    "weighted_boxes_fusion": "  of which fusion of boxes",
    "mean_losses": "validation loss",
    "predict_dataset": "predictions for curves",
    "ap50": "AP50 of curves",
    "log_labels": "snapshots of labels",
    "write": "checkpoints",
    "score_readers": "scores for the readers",
    "load_data": "loading and checking images",
}
"""Functions whose time is told, and what they do."""


def profile() -> None:
    """Print the share of each part of an ablation on the smaller demo; what is read ahead else, is read in its turn."""
    folder = FOLDER / "profile"
    shutil.rmtree(folder, ignore_errors=True)
    experiment = load_experiment(small_experiment(), [f"tracking.folder={folder}", "training.workers=0"])
    profiler = cProfile.Profile()
    with (
        Display(Console(file=io.StringIO())) as display,
        patch("sissi.runtime.engines.local.LocalEngine.run", staticmethod(run_here)),
        patch("sissi.ablation.run.open_session", silent_session),
    ):
        profiler.runcall(run.run_ablation, experiment, display)
    stats = pstats.Stats(profiler)
    Console().print(_table(stats.stats, stats.total_tt))  # type: ignore[attr-defined]


def run_here(
    jobs: Iterable[Job | None],
    side_by_side: int,
    on_event: OnEvent,
    ended: Ended | None = None,
    *,
    deterministic: bool = False,
) -> dict[str, Outcome]:
    """In the place of `LocalEngine.run`: the profiler sees this process only."""
    torch.set_num_threads(1)
    outcomes = {}
    for job in filter(None, jobs):
        outcomes[job.name] = Outcome(job.do(_Recorder(job.name, on_event)))
        if ended:
            ended(job.name, outcomes[job.name])
    return outcomes


class _Recorder:
    def __init__(self, name: str, on_event: OnEvent) -> None:
        self._name, self._on_event = name, on_event

    def record(self, event: Event) -> None:
        """See `Recorder`."""
        self._on_event(self._name, event)


def _table(stats: dict[tuple[str, int, str], tuple[Any, ...]], total: float) -> Table:
    table = Table("part", "calls", "s", "%", title=f"{total:.0f} s of an ablation, one process, profiled")
    for function, part in PARTS.items():
        found = [value for (file, _, name), value in stats.items() if name == function and "/sissi/" in file]
        spent, calls = sum(value[3] for value in found), sum(value[1] for value in found)
        table.add_row(part, str(calls), f"{spent:.1f}", f"{100 * spent / total:.1f}")
    return table
