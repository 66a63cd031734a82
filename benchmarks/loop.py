"""Correct, retrain, repeat: do images that `sissi suggest` chooses help more than images chosen at random?

    python -m benchmarks.loop [EXPERIMENT] [--set KEY=VALUE ...] [--rounds N] [--images N] [--seeds N ...]
        [--out FOLDER]

For each seed the demo of EXPERIMENT is trained once without corrections. Then, in each round, more images are
corrected, and it is trained again; once they are those that `sissi suggest` names, once they are drawn. The corrections
are the true boxes, as an export of Label Studio. After each seed, FOLDER has loop.csv, a line for each ablation, and
loop.png. What is there already is not done again, so other settings need another FOLDER.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.ablations import METRICS, command, run_ablation
from sissi.boxes import Boxes
from sissi.config.variants import RECIPE
from sissi.data.formats.label_studio import prediction
from sissi.evaluation.label_quality import LabelQuality, label_quality
from sissi.figures.style import BLUE, VERMILION, legend, new_figure, plain
from sissi.names import CELL_NAME
from sissi.results.snapshots import read_snapshot
from sissi.runtime.csv_records import to_csv
from sissi.runtime.randomness import generator

SUGGESTED, DRAWN = "suggest", "random"
CHOICES = (SUGGESTED, DRAWN)
ROW = RECIPE
"""Row that is trained, whose labels are judged, and which suggests."""
COLOURS = {SUGGESTED: VERMILION, DRAWN: BLUE}
WORDS = {SUGGESTED: "chosen by suggest", DRAWN: "chosen at random"}
AP = METRICS.index("AP")
SCORES = ("ap", "precision", "recall", "f1", "others")
"""Names of the scores of a `Point`."""


@dataclass(frozen=True)
class Point:
    """What an ablation of the loop gave; scores in %.

    Attributes:
        seed: experiment seed.
        choice: of `CHOICES`.
        images: number of corrected images.
        ap: AP of the detector for the first reader.
        precision: of the last labels of all target training images, at IoU 0.5.
        recall: of these labels.
        f1: of these labels.
        others: F1 of these labels in the images that were not corrected.
    """

    seed: int
    choice: str
    images: int
    ap: float
    precision: float
    recall: float
    f1: float
    others: float


def main() -> None:
    """Run what has no result yet, write the table, print its means and draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", nargs="?", default="demo", help="an experiment on demo images")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of sissi ablation")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=5, help="corrected in each round")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("out/loop"))
    options = parser.parse_args()
    lab = Lab(options.out, options.experiment, options.set)
    points: list[Point] = []
    for seed in options.seeds:
        points += loops(lab, options.out, seed, options.rounds, options.images)
        (options.out / "loop.csv").write_text(to_csv([asdict(point) for point in points]), encoding="utf-8")
        figure(points).savefig(options.out / "loop.png", dpi=150)
    print(table(points))


class Lab:
    """A folder of drawn images with weak labels, and true boxes in the place of a person.

    Attributes:
        names: of the target training images.
    """

    def __init__(self, out: Path, experiment: str, values: Sequence[str]) -> None:
        """Draw the images where they are missing.

        Args:
            out: folder of all files.
            experiment: of the demo whose images they are.
            values: KEY=VALUE settings that differ.
        """
        folder = out / "images"
        if not folder.exists():
            settings = [part for value in values for part in ("--set", value)]
            command("data", "demo", folder, "--experiment", experiment, *settings)
        self._experiment = folder / "experiment.yaml"
        self._truth = read_snapshot(folder / "truth.json")
        self.names = sorted(self._truth.boxes)

    def point(self, place: Path, seed: int, choice: str, corrected: Sequence[str]) -> Point:
        """Train from the weak labels and the corrections of these images, in a folder of its own."""
        values = [f"seeds=[{seed}]", f"variants=[{ROW}]", f"tracking.folder={place / 'mlruns'}"]
        if corrected:
            export = place / "export.json"
            place.mkdir(parents=True, exist_ok=True)
            export.write_text(json.dumps([self._task(name) for name in corrected]), encoding="utf-8")
            files = {"format": "label_studio", "labels": str(export.resolve())}
            values.append(f"data.target_corrected={json.dumps(files)}")
        scores = run_ablation(self._experiment, values, place)
        labels = place / "labels.json"
        if not labels.exists():
            command("labels", "--variant", ROW, "--out", labels, "--tracking", place / "mlruns")
        found = read_snapshot(labels).boxes
        every = self._quality(found, self.names)
        others = self._quality(found, [name for name in self.names if name not in corrected])
        return Point(
            seed=seed,
            choice=choice,
            images=len(corrected),
            ap=scores[ROW][AP],
            precision=100 * every.precision,
            recall=100 * every.recall,
            f1=100 * every.f1,
            others=100 * others.f1,
        )

    def _task(self, name: str) -> dict[str, object]:
        """A task of Label Studio in which a person submitted the true boxes of an image."""
        boxes = self._truth.boxes[name]
        submitted = prediction(boxes, self._truth.sizes[name], [CELL_NAME] * len(boxes))
        return {"id": name, "data": {"image": name}, "annotations": [{"result": submitted["result"]}]}

    def _quality(self, found: Mapping[str, Boxes], names: Sequence[str]) -> LabelQuality:
        return label_quality([found[name] for name in names], [self._truth.boxes[name] for name in names])


def suggested(place: Path, count: int) -> list[str]:
    """The images that `sissi suggest` names after the ablation in a folder."""
    tasks = place / "suggested/labels/label_studio.json"
    if not tasks.exists():
        command("suggest", "latest", "-n", str(count), "--out", place / "suggested", "--tracking", place / "mlruns")
    return [task["data"]["name"] for task in json.loads(tasks.read_text(encoding="utf-8"))]


def loops(lab: Lab, out: Path, seed: int, rounds: int, count: int) -> Iterator[Point]:
    """Both loops of a seed, from the same start; `count` images are corrected in each round."""
    drawn = [lab.names[index] for index in generator("loop", seed).permutation(len(lab.names))]
    for choice in CHOICES:
        place, corrected = out / f"seed-{seed}/start", list[str]()
        yield lab.point(place, seed, choice, corrected)
        for turn in range(1, rounds + 1):
            corrected = drawn[: turn * count] if choice == DRAWN else [*corrected, *suggested(place, count)]
            place = out / f"seed-{seed}/{choice}-{turn}"
            yield lab.point(place, seed, choice, corrected)


def table(points: Sequence[Point]) -> str:
    """Means over seeds by choice and number of corrected images, and the differences of the choices, as Markdown."""
    lines = [
        "| corrected images | chosen by | AP | precision | recall | F1 | F1 of the others |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    numbers = sorted({point.images for point in points})
    for number in numbers:
        for choice in CHOICES if number else CHOICES[:1]:  # the start is the same
            means = [f"{mean(points, choice, number, name):.1f}" for name in SCORES]
            lines.append(f"| {number} | {choice if number else ''} | {' | '.join(means)} |")
    lines.append("")
    for number in numbers[1:]:
        lines.append(f"{SUGGESTED} - {DRAWN}, {number} images, mean (each seed):")
        for name in ("ap", "f1", "others"):
            by_seed = [
                values(points, SUGGESTED, number, name)[seed] - value
                for seed, value in values(points, DRAWN, number, name).items()
            ]
            lines.append(f"- {name} {np.mean(by_seed):+.1f} ({', '.join(f'{one:+.1f}' for one in by_seed)})")
    return "\n".join(lines)


def values(points: Sequence[Point], choice: str, images: int, name: str) -> dict[int, float]:
    """A score by seed."""
    chosen = (point for point in points if (point.choice, point.images) == (choice, images))
    return {point.seed: getattr(point, name) for point in chosen}


def mean(points: Sequence[Point], choice: str, images: int, name: str) -> float:
    """The mean of a score over seeds."""
    return float(np.mean(list(values(points, choice, images, name).values())))


def figure(points: Sequence[Point]) -> Figure:
    """Quality of labels, and AP, by number of corrected images: means over seeds, and each seed as a faint line."""
    drawn = new_figure(8, 3.2)
    numbers = sorted({point.images for point in points})
    titles = {"f1": "labels of all training images", "ap": "detector"}
    for axes, (name, title) in zip(drawn.subplots(1, 2), titles.items(), strict=True):
        for choice, colour in COLOURS.items():
            for seed in sorted({point.seed for point in points}):
                one = [values(points, choice, number, name)[seed] for number in numbers]
                axes.plot(numbers, one, color=colour, alpha=0.3, linewidth=0.8)
            means = [mean(points, choice, number, name) for number in numbers]
            axes.plot(numbers, means, "o-", color=colour, label=WORDS[choice])
        plain(axes, title, "corrected images", {"f1": "F1 at IoU 0.5, %", "ap": "AP, %"}[name])
        axes.set_xticks(numbers)
        legend(axes)
    return drawn


if __name__ == "__main__":
    main()
