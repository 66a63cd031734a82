"""Two branches side by side, with a thread each, against one after the other, with two."""

from __future__ import annotations

from typing import Any

from benchmarks.jobs import finished
from benchmarks.row import Row, compare
from benchmarks.subjects import demo, silent
from sissi.runtime.jobs import Job
from sissi.training.epoch import train_epoch
from sissi.training.mixed_batches import MixedBatches

BRANCHES, EPOCHS = 2, 2


def measure() -> list[Row]:
    """Epochs of the demo, in the processes that an ablation uses."""
    return [
        compare(
            lambda: _run(threads=1, side_by_side=BRANCHES),
            lambda: _run(threads=BRANCHES, side_by_side=1),
            repeats=3,
            what=f"{BRANCHES} branches of {EPOCHS} epochs side by side, a process each with one thread",
            against="one after the other with two threads",
            goal=0.65,
            limited_by="what the cores share: memory and clock",
        )
    ]


def train(number: int, record: Any) -> None:
    """The job: some epochs of the demo."""
    ready = demo(epochs=0)
    batches = MixedBatches(ready.target, ready.source, ready.experiment.training)
    for epoch in range(1, EPOCHS + 1):
        train_epoch(ready.learner, batches, number, epoch, silent)


def _run(threads: int, side_by_side: int) -> None:
    finished([Job(f"branch {number}", train, (number,), threads) for number in range(BRANCHES)], side_by_side)
