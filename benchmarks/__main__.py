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
from benchmarks.row import Figure, Row

SUITE = (
    "command_line", "start_up", "box_fusion", "coco_metrics", "synthetic_images", "label_correction", "settled",
    "epoch", "reference_loop", "published_way",
    "branches", "predict", "digests", "memory", "disk", "driver", "study", "ablation", "seeds", "nodes", "recording",
)  # fmt: skip
"""Modules of this package with a function `measure() -> list[Row]`, quick ones first."""
FIGURES = ("network_speed", "weak_labels", "final_table")
"""Modules whose `measure()` gives names, values and units: there is nothing to compare them with."""


def main() -> None:
    """Parse, run, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What sissi costs, against what it must.")
    known = (*SUITE, *FIGURES)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; all where left out")
    parser.add_argument("--profile", action="store_true", help="show where the time of an ablation goes, by part")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in known]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    if arguments.profile:
        profile()
        return
    chosen = arguments.names or known
    rows = [row for name in SUITE if name in chosen for row in _measured(name)]
    figures = [figure for name in FIGURES if name in chosen for figure in _figures(name)]
    if not arguments.names:
        report.write(rows, figures, Path(__file__).parent)


def _measured(name: str) -> list[Row]:
    rows: list[Row] = importlib.import_module(f"benchmarks.{name}").measure()
    for row in rows:
        print(report.line(row), flush=True)
    return rows


def _figures(name: str) -> list[Figure]:
    figures: list[Figure] = importlib.import_module(f"benchmarks.{name}").measure()
    for what, value, unit in figures:
        print(f"{value:8.3f} {unit:9} {what}", flush=True)
    return figures


if __name__ == "__main__":
    main()
