"""Ablations of a benchmark: each is run once, by the command, and its table is read."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

METRICS = ("AP50", "AP75", "AP", "AR")
HEADER = ("| {} | AP50 | AP75 | AP | AR |", "| --- | ---: | ---: | ---: | ---: |")


def command(*arguments: str | Path) -> None:
    """Run `sissi` on one thread; its output is the caller's."""
    whole = [sys.executable, "-m", "sissi", *map(str, arguments)]
    subprocess.run(whole, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=True)


def run_ablation(experiment: Path, values: Sequence[str], out: Path) -> dict[str, tuple[float, ...]]:
    """Scores of each row for the first reader, by `sissi ablation` on one thread; a table that is there is only read.

    Args:
        experiment: experiment file.
        values: KEY=VALUE settings that differ.
        out: folder of the tables.

    Returns:
        Means over seeds of `METRICS` in %, by row.
    """
    table = out / "table.csv"
    if not table.exists():
        command("ablation", experiment, "--out", out, *(part for value in values for part in ("--set", value)))
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    of_first = [row for row in rows if row["reader"] == rows[0]["reader"]]
    names = dict.fromkeys(row["variant"] for row in of_first)
    return {name: _means([row for row in of_first if row["variant"] == name]) for name in names}


def _means(rows: Sequence[dict[str, str]]) -> tuple[float, ...]:
    return tuple(100 * sum(float(row[metric]) for row in rows) / len(rows) for metric in METRICS)


def line(name: str, scores: Sequence[float]) -> str:
    """A line of a Markdown table, below `HEADER`."""
    return f"| {name} | " + " | ".join(f"{score:.1f}" for score in scores) + " |"
