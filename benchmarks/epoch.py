"""A training epoch against the same iterations with the same batches already in memory."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from benchmarks.row import Row, compare
from benchmarks.subjects import demo, one_thread, silent
from sissi.training.epoch import train_epoch
from sissi.training.mixed_batches import Batch, MixedBatches


class InMemory(MixedBatches):
    """Batches that were read before."""

    def epoch(self, seed: int, epoch: int, workers: int = 0, *, pinned: bool = False) -> Iterator[Batch]:
        """The same batches as those of `MixedBatches`."""
        return iter(self.kept)

    def keep(self, seed: int, epoch: int) -> InMemory:
        """Read them."""
        self.kept = list(super().epoch(seed, epoch))
        return self


def measure() -> list[Row]:
    """An epoch of the demo on one thread, the loader beside it."""
    one_thread()
    ready = demo()
    training = ready.experiment.training
    lazy = MixedBatches(ready.target, ready.source, training)
    kept = InMemory(ready.target, ready.source, training).keep(0, 1)
    state = copy.deepcopy(ready.learner.state())

    def epoch(batches: MixedBatches) -> None:
        ready.learner.restore(state)
        train_epoch(ready.learner, batches, 0, 1, silent)

    row = compare(
        lambda: epoch(lazy),
        lambda: epoch(kept),
        repeats=7,
        what=f"a training epoch of the demo, {lazy.iterations} iterations, training.workers={training.workers}",
        against="the same iterations with the batches in memory",
        goal=1.05,
        limited_by="the first batch, and Python's lock where augmentation and training want it at once",
    )
    ready.learner.restore(state)
    return [row]
