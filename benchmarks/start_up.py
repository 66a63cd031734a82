"""Import time of the process that reports an ablation, while jobs import what trains."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.row import Row, compare

REPEATS = 5


def measure() -> list[Row]:
    """Against the same process with the stages, which import torch; before, it imported them too."""
    return [
        compare(
            lambda: _imports("sissi.ablation.run"),
            lambda: _imports("sissi.ablation.run, sissi.ablation.stages"),
            repeats=REPEATS,
            what="imports of the process that reports an ablation",
            against="the same with torch, which only jobs need",
            goal=0.5,
            limited_by="the import of MLflow",
        )
    ]


def _imports(modules: str) -> None:
    subprocess.run([sys.executable, "-c", f"import {modules}"], check=True, capture_output=True)
