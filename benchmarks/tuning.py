"""What `sissi tune` adds on real images, by number of corrected images.

    SISSI_REAL_DATA=FOLDER python -m benchmarks.tuning [SET ...] [--plot FILE]

FOLDER holds the sets t98g, nuclei, draas and bccd. Of each set, `sissi suggest` chooses images of a first part, whose
careful labels are the corrections; `sissi tune` fits settings to the first 2, 5, 10 and 20 of them. F1 is that of the
settings that it writes, on the other parts, of which it has seen nothing. 0: nothing is given but the images.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure
from rich.console import Console

from benchmarks.real_images import RealSet, real_sets
from sissi.active_learning.first_images import suggest_first
from sissi.config import WeakLabels
from sissi.data.sample import Sample
from sissi.data.weak_labelling import label_images, sized
from sissi.evaluation.label_quality import label_quality
from sissi.search.tuning.run import Options, tune

CORRECTED = (2, 5, 10, 20)
AUTO = WeakLabels(pipeline="auto")
TRIALS = 100


@dataclass(frozen=True)
class Point:
    """One number of corrected images of a set.

    Attributes:
        corrected: number of corrected images.
        written: which settings `sissi tune` wrote.
        told: F1 that it told, of corrected images that were held out, with its standard error.
        sized: F1 of the size of the corrected cells alone, by part.
        f1: F1 of the written settings, by part.
        seconds: time of the tuning.
    """

    corrected: int
    written: str
    told: str
    sized: dict[str, float]
    f1: dict[str, float]
    seconds: float


def curve(sets: Sequence[RealSet]) -> list[Point]:
    """F1 on the other parts of a set by number of corrected images of the first."""
    first, *others = sets
    pool = first.samples
    alone = {one.part: f1(one.samples, sized(one.samples, AUTO)[0]) for one in others}
    points = [Point(0, "nothing given", "-", {}, alone, 0)]
    with tempfile.TemporaryDirectory() as place:
        untuned = sized(pool, AUTO)[0]
        ranked = suggest_first(pool, AUTO, untuned, Path(place), max(CORRECTED), "coco", Console())
        by_name = {sample.name: sample for sample in pool}
        for count in CORRECTED:
            start = time.monotonic()
            chosen = [by_name[one.name] for one in ranked[:count]]
            result = tune(chosen, untuned, Options(AUTO, TRIALS, 0, Path(place)), lambda: None, print)
            seconds = time.monotonic() - start
            held_out, settings = result.best.held_out, result.best.settings
            alone = {one.part: f1(one.samples, AUTO.for_cells_of(result.cell_size)) for one in others}
            found = {one.part: f1(one.samples, sized(one.samples, settings)[0]) for one in others}
            told = f"{held_out.all.f1:.3f} ± {held_out.error:.3f}"
            points.append(Point(count, held_out.name, told, alone, found, seconds))
            print(points[-1], file=sys.stderr, flush=True)
    return points


def f1(samples: Sequence[Sample], settings: WeakLabels) -> float:
    """F1 at IoU 0.5 of the labels that settings give."""
    labels = [labelled.sample.boxes for labelled in label_images(samples, settings)]
    return label_quality(labels, [sample.boxes for sample in samples]).f1


def table(curves: dict[str, list[Point]]) -> str:
    """The points as Markdown."""
    header = ["images", "corrected", "F1", "cell size alone", "told by cross-validation", "written", "seconds"]
    lines = [header, ["---", "---:", "---:", "---:", "---:", "---", "---:"]]
    for name, points in curves.items():
        for part in points[0].f1:
            for one in points:
                alone = f"{one.sized[part]:.3f}" if one.sized else "-"
                f1 = f"**{one.f1[part]:.3f}**"
                lines.append(
                    [f"{name}, {part}", str(one.corrected), f1, alone, one.told, one.written, f"{one.seconds:.0f}"]
                )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plot(curves: dict[str, list[Point]]) -> Figure:
    """F1 by number of corrected images, a line for each part of each set."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    lines = [(name, part, points) for name, points in curves.items() for part in points[0].f1]
    for (name, part, points), marker in zip(lines, "osD^v", strict=False):
        f1 = [one.f1[part] for one in points]
        axes.plot([one.corrected for one in points], f1, marker=marker, label=f"{name}, {part}")
    axes.set(xlabel="corrected images", ylabel="F1 at IoU 0.5, other images", ylim=(0, 1), xticks=(0, *CORRECTED))
    axes.legend(loc="lower right", fontsize=8)
    axes.grid(alpha=0.3)
    return figure


if __name__ == "__main__":
    by_name: dict[str, list[RealSet]] = {}
    for one in real_sets(Path(os.environ["SISSI_REAL_DATA"])):
        by_name.setdefault(one.name, []).append(one)
    parser = argparse.ArgumentParser(description="F1 of tuned settings by number of corrected images.")
    parser.add_argument("sets", nargs="*", default=list(by_name), help=f"of {', '.join(by_name)}; all without them")
    parser.add_argument("--plot", type=Path, help="PNG file for the curves")
    given = parser.parse_args()
    curves = {name: curve(by_name[name]) for name in given.sets}
    print(table(curves))
    if given.plot:
        plot(curves).savefig(given.plot, dpi=150)
