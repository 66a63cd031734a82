"""What an ablation that has ended keeps of its early learning on the disk, against one checkpoint."""

from __future__ import annotations

from benchmarks.ablation import small_experiment
from benchmarks.commands import fresh, sissi
from benchmarks.row import Row, of_pairs


def measure() -> list[Row]:
    """The number of checkpoints does not depend on the detector, only their size does."""
    folder = fresh("disk")
    sissi("benchmarks.untracked", "ablation", small_experiment(), folder)
    sizes = [path.stat().st_size / 1e6 for path in folder.glob("cache/trunk/*/epoch_*.pt")]
    return [
        of_pairs(
            [(sum(sizes), max(sizes))],
            what="checkpoints of early learning that an ablation of six variants keeps a seed",
            against="one checkpoint",
            goal=3,
            limited_by="the epochs from which rows start, and the last one",
            measured_in="MB",
        )
    ]
