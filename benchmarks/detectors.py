"""How good detectors become on careful labels, and in what time: the figure of docs/detectors.md.

    SISSI_REAL_DATA=FOLDER python -m benchmarks.detectors [SET ...] [--detectors NAME ...] [--seeds N]

FOLDER holds the sets bccd, draas, t98g and nuclei. Each run is `sissi ablation experiments/detectors/SET.yaml` on one
thread. Its result is a line of benchmarks/detectors.jsonl; runs that have a line are not repeated.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from sissi.figures.style import BLACK, BLUE, GREEN, ORANGE, VERMILION, new_figure, plain

RESULTS = Path(__file__).with_suffix(".jsonl")
FIGURE = Path(__file__).parent.parent / "docs/images/detectors.png"
SIZES = {"bccd": ((144, 192), (216, 288)), "draas": ((192, 192), (256, 256)), "t98g": ((192, 192), (320, 320))}
"""Height and width of the resized images of each set."""
CELLS = {"bccd": 0.19, "draas": 0.21, "t98g": 0.12}
"""Longer side of a typical cell of each set, as a fraction of the width of the image."""
TWO_STAGE = ("training.target_batch=2", "training.source_batch=2", "training.learning_rate=0.002")
DETECTORS = {
    "lite": (),
    "lite, random weights": ("detector.weights=none", "detector.frozen_stages=0"),
    "small": ("detector.preset=small", "detector.weights=none", "detector.frozen_stages=0", *TWO_STAGE),
    "mobilenet, random weights": (
        "detector.preset=mobilenet",
        "detector.weights=none",
        "detector.frozen_stages=0",
        *TWO_STAGE,
    ),
}
"""Settings of each detector that differ from those of the experiment file."""
PEER = "YOLO11n, random weights"
"""Name of the results of `benchmarks.peer`."""
COLOURS = dict(zip((*DETECTORS, PEER), (VERMILION, ORANGE, BLUE, GREEN, BLACK), strict=True))
Run = dict[str, Any]


def main() -> None:
    """Run what has no result yet, and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SIZES)}; default: all")
    parser.add_argument("--detectors", nargs="*", default=["lite", "small"], choices=list(DETECTORS))
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds")
    parser.add_argument("--sizes", type=int, default=2, help="number of image sizes")
    parser.add_argument("--epochs", type=int, nargs="*", default=[24], help="epochs of training")
    options = parser.parse_args()
    for data in options.sets or SIZES:
        for size in SIZES[data][: options.sizes]:
            for detector in options.detectors:
                for epochs in options.epochs:
                    for seed in range(options.seeds):
                        _run_once(
                            {"set": data, "detector": detector, "size": list(size), "epochs": epochs, "seed": seed}
                        )
    runs = _results()
    print(_table(runs))
    _draw(runs)


def _run_once(run: Run) -> None:
    """Train and score a detector, and note the result, unless it is noted."""
    if any(run.items() <= noted.items() for noted in _results()):
        return
    cell = CELLS[run["set"]] * run["size"][1]
    anchors = () if run["detector"].startswith("lite") else (f"detector.cell_size={cell:.0f}",)
    with tempfile.TemporaryDirectory() as folder:
        values = (
            f"data.folder={Path(os.environ['SISSI_REAL_DATA']).resolve()}",
            f"training.epochs={run['epochs']}",
            f"training.image_size={run['size']}",
            f"seeds=[{run['seed']}]",
            f"tracking.folder={folder}/mlruns",
            *DETECTORS[run["detector"]],
            *anchors,
        )
        command = [sys.executable, "-m", "sissi", "ablation", f"experiments/detectors/{run['set']}.yaml"]
        subprocess.run(
            [*command, *(part for value in values for part in ("--set", value)), "--out", f"{folder}/out"],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            check=True,
        )
        with closing(sqlite3.connect(f"{folder}/mlruns/mlflow.db")) as tracked:
            [[seconds]] = tracked.execute("SELECT value FROM latest_metrics WHERE key = 'cost/cpu_s'")
        [row] = csv.DictReader(Path(folder, "out/table.csv").read_text(encoding="utf-8").splitlines())
    scores = {name: round(100 * float(row[name]), 1) for name in ("AP50", "AP75", "AP", "AR")}
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(run | scores | {"core_minutes": round(seconds / 60, 1)}) + "\n")


def _results() -> list[Run]:
    return [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()] if RESULTS.exists() else []


def _groups(runs: list[Run]) -> dict[tuple[Any, ...], list[Run]]:
    """Runs that differ in their seed alone."""
    groups: dict[tuple[Any, ...], list[Run]] = {}
    for run in sorted(runs, key=lambda run: (run["set"], run["size"], run["detector"], run["epochs"])):
        groups.setdefault((run["set"], *run["size"], run["detector"], run["epochs"]), []).append(run)
    return groups


def _mean(runs: list[Run], name: str) -> float:
    return float(sum(run[name] for run in runs) / len(runs))


def _table(runs: list[Run]) -> str:
    """Means over seeds as Markdown."""
    names = ("AP50", "AP75", "AP", "AR", "core_minutes")
    lines = [
        ["images", "size", "detector", "epochs", "seeds", "AP50", "AP75", "AP", "AR", "minutes on one core"],
        ["---", "---", "---", *["---:"] * 7],
    ]
    for (data, height, width, detector, epochs), some in _groups(runs).items():
        means = [f"{_mean(some, name):.1f}" for name in names]
        lines.append([data, f"{height} x {width}", detector, str(epochs), str(len(some)), *means])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _draw(runs: list[Run]) -> None:
    """AP against minutes, a panel for each set; a point for each detector, size and number of epochs."""
    sets = [name for name in SIZES if any(run["set"] == name for run in runs)]
    figure = new_figure(3.0 * len(sets), 3.2)
    panels = figure.subplots(1, len(sets), squeeze=False)[0]
    for axes, data in zip(panels, sets, strict=True):
        for (name, _, width, detector, epochs), some in _groups(runs).items():
            if name != data:
                continue
            x, y = _mean(some, "core_minutes"), _mean(some, "AP")
            marker = "o" if width == SIZES[data][0][1] else "s"
            axes.scatter(x, y, color=COLOURS[detector], marker=marker, label=f"{detector}, {width} px", zorder=2)
            axes.annotate(f"{epochs}", (x, y), xytext=(5, -3), textcoords="offset points", fontsize=7)
        plain(axes, data, "minutes on one core", "AP" if axes is panels[0] else "")
        axes.margins(0.15)
        handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        axes.legend(handles.values(), handles.keys(), fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    figure.savefig(FIGURE, dpi=150)


if __name__ == "__main__":
    main()
