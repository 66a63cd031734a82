"""Peak memory of the process that reports an ablation, with many target images against few."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.commands import fresh
from benchmarks.reporting import CELLS, CYCLES, VARIANTS
from benchmarks.row import Row, of_pairs

MANY, FEW = 2000, 100
REPEATS = 3


def measure() -> list[Row]:
    """Each in a process of its own."""
    return [
        of_pairs(
            [(_peak_of(MANY), _peak_of(FEW)) for _ in range(REPEATS)],
            what=f"peak memory of the process that reports, {MANY:,} images of {CELLS} cells, {CYCLES} cycles, "
            f"{VARIANTS} variants",
            against=f"the same with {FEW}",
            goal=1.3,
            limited_by="the boxes of all images; the labels of a cycle are files, which this process copies",
            measured_in="MB",
        )
    ]


def _peak_of(images: int) -> float:
    command = [sys.executable, "-m", "benchmarks.reporting", str(images), str(fresh("driver"))]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
