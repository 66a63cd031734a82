"""What a few corrected images add: AP by their number, with weak labels, with correction, and from them alone.

    python -m benchmarks.corrected EXPERIMENT [--set KEY=VALUE ...] [--numbers N ...] [--rows ROW ...]
        [--out FOLDER] [--plot FILE]

`sissi suggest` chooses the images, of which `data.target_reference` gives the corrected labels. With 0 of
them there are the rows weak-only, recipe and oracle. Runs that are finished are not repeated.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from rich.console import Console

from benchmarks.ablations import HEADER, METRICS, line, run_ablation
from sissi.active_learning.first_images import suggest_first
from sissi.config import WeakLabels
from sissi.config.load import load_experiment
from sissi.config.variants import CORRECTED_FIRST, CORRECTED_ONLY, ORACLE, RECIPE, WEAK_ONLY
from sissi.data.experiment_data import ExperimentData, load_data
from sissi.data.formats.coco import to_coco
from sissi.data.problems import Problems
from sissi.data.weak_labelling import sized
from sissi.figures.style import BLACK, BLUE, GREEN, ORANGE, VERMILION, new_figure, plain

ALONE = (WEAK_ONLY, RECIPE, ORACLE)
"""Rows without corrected images."""
ROWS = (WEAK_ONLY, RECIPE, CORRECTED_ONLY, CORRECTED_FIRST)
"""Rows with corrected images."""
COLOURS = dict(zip((*ROWS, ORACLE), (BLACK, BLUE, ORANGE, VERMILION, GREEN), strict=True))
Curve = dict[str, dict[int, tuple[float, ...]]]
"""Scores by row and number of corrected images."""


def main() -> None:
    """Run what has no result yet, print the table and draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of sissi ablation")
    parser.add_argument("--numbers", type=int, nargs="*", default=[0, 2, 5, 10, 20])
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=ROWS, help="rows with corrected images")
    parser.add_argument("--out", type=Path, default=Path("out/corrected"))
    parser.add_argument("--plot", type=Path, help="PNG file for the curves")
    options = parser.parse_args()
    experiment = load_experiment(options.experiment, options.set)
    data = load_data(experiment, Problems())
    names = _ranked(data, max(options.numbers), options.out)
    curve: Curve = {}
    for number in options.numbers:
        values = [*options.set, "rows={}", f"tracking.folder={options.out / 'mlruns'}"]
        if number:
            path = _write(data, names[:number], options.out / f"{number}.json", experiment.class_names)
            corrected = {"format": "coco", "labels": str(path.resolve())}
            values.append(f"data.target_corrected={json.dumps(corrected)}")
        values.append(f"variants=[{', '.join(options.rows if number else ALONE)}]")
        for row, scores in run_ablation(options.experiment, values, options.out / str(number)).items():
            curve.setdefault(row, {})[number] = scores
    print(_table(curve))
    if options.plot:
        _figure(curve).savefig(options.plot, dpi=150)


def _ranked(data: ExperimentData, count: int, out: Path) -> list[str]:
    """Names of the target training images with a reference, those to be corrected first at the beginning."""
    settings = WeakLabels(pipeline="auto")
    samples = data.referenced()
    untuned = sized(samples, settings)[0]
    ranked = suggest_first(samples, settings, untuned, out / "suggested", count, "coco", Console(stderr=True))
    return [one.name for one in ranked]


def _write(data: ExperimentData, names: Sequence[str], path: Path, classes: Sequence[str]) -> Path:
    """Write the reference of the named images as a COCO file."""
    known = {sample.name: sample for sample in data.referenced()}
    chosen = [known[name] for name in names]
    images = [(sample.name, sample.height, sample.width) for sample in chosen]
    path.write_text(json.dumps(to_coco(images, [sample.boxes for sample in chosen], classes)), encoding="utf-8")
    return path


def _table(curve: Curve) -> str:
    """Scores by number of corrected images and row, as Markdown."""
    lines = [HEADER[0].format("corrected images | row"), HEADER[1].replace("| --- |", "| ---: | --- |", 1)]
    numbers = sorted({number for scores in curve.values() for number in scores})
    for number in numbers:
        lines += [line(f"{number} | {row}", scores[number]) for row, scores in curve.items() if number in scores]
    return "\n".join(lines)


def _figure(curve: Curve) -> Figure:
    """AP by number of corrected images, a line for each row, and the oracle as a level."""
    figure = new_figure(4.6, 3.2)
    axes = figure.subplots()
    which = METRICS.index("AP")
    for row, scores in curve.items():
        if row == ORACLE:  # with no corrected image
            axes.axhline(scores[0][which], color=COLOURS[row], linestyle="--", label=row)
            continue
        points = sorted(scores.items())
        axes.plot(
            [number for number, _ in points], [one[which] for _, one in points], "o-", color=COLOURS[row], label=row
        )
    plain(axes, "", "corrected images", "AP")
    axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main()
