"""Run the benchmarks: `python -m benchmarks`, or `make bench`.

Writes benchmarks/results.json and benchmarks/results.md. With names, such as `python -m benchmarks epoch box_fusion`,
only these are run and nothing is written. `--profile` shows instead where the time of an ablation goes.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from benchmarks import report
from benchmarks.profile import profile
from benchmarks.row import Row

SUITE = (
    "command_line", "box_fusion", "coco_metrics", "synthetic_images", "label_correction", "epoch", "branches", "memory",
    "ablation",
)  # fmt: skip
"""Modules of this package with a function `measure() -> list[Row]`, quick ones first."""


def main() -> None:
    """Parse, run, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What sissi costs, against what it must.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SUITE)}; all where left out")
    parser.add_argument("--profile", action="store_true", help="show where the time of an ablation goes, by part")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in SUITE]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(SUITE)}")
    if arguments.profile:
        profile()
        return
    rows = [row for name in arguments.names or SUITE for row in _measured(name)]
    if not arguments.names:
        report.write(rows, Path(__file__).parent)


def _measured(name: str) -> list[Row]:
    rows: list[Row] = importlib.import_module(f"benchmarks.{name}").measure()
    for row in rows:
        print(report.line(row), flush=True)
    return rows


if __name__ == "__main__":
    main()
