"""Run the benchmarks: `python -m benchmarks`, or `make bench`.

Each benchmark replaces its earlier results in benchmarks/results.json and benchmarks/results.md. With names, such as
`python -m benchmarks epoch box_fusion`, only these are run. `--profile` shows instead where the time of an ablation
goes.
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
    for name in arguments.names or known:
        load = report.load()
        rows = _measured(name) if name in SUITE else []
        figures = _figures(name) if name in FIGURES else []
        if rows or figures:
            report.add(name, report.result(rows, figures, load), Path(__file__).parent, known)


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
