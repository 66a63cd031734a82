"""What `sissi tune` adds on real images, by number of corrected images.

    SISSI_REAL_DATA=FOLDER python -m benchmarks.tuning [SET ...] [--plot FILE]

FOLDER holds the sets t98g, nuclei, draas and bccd. Of each set, `sissi suggest` chooses images of one part, whose
careful labels are the corrections; `sissi tune` fits settings to the first 2, 5, 10 and 20 of them. F1 is that of the
settings that it writes, on the other part, of which it has seen nothing. 0: nothing is given but the images.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure
from rich.console import Console

from sissi.active_learning.first_images import suggest_first
from sissi.config import LabelFiles, WeakLabels
from sissi.data.find import decode_all, find_images
from sissi.data.labels import read_labels
from sissi.data.problems import Problems
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
        way: which settings `sissi tune` wrote.
        expected: F1 that it told, of corrected images that were held out; NaN for none.
        error: standard error that it told.
        sized: F1 of the size of the corrected cells alone, on the other part.
        f1: F1 of the written settings on the other part.
        seconds: time of the tuning.
    """

    corrected: int
    way: str
    expected: float
    error: float
    sized: float
    f1: float
    seconds: float


def read(images: Path, labels: Path, format: str = "coco") -> list[Sample]:
    """The images that have labels, sorted by name."""
    problems = Problems()
    layout = "cellpose" if format == "cellpose" else "flat"
    samples = decode_all(find_images(images, layout, problems, "images"), "images", problems)
    source = LabelFiles.model_validate({"format": format, "labels": labels})
    truth = read_labels(source, Path(), samples, problems, "labels", others=None)
    return [replace(sample, boxes=truth[sample.name]) for sample in samples if sample.name in truth]


def t98g(folder: Path) -> tuple[list[Sample], list[Sample]]:
    """Train images, and test images, of other scenes."""
    part = partial(_split, folder / "t98g/images", folder / "t98g")
    return part("train"), part("test")


def draas(folder: Path) -> tuple[list[Sample], list[Sample]]:
    """Train and test images."""
    part = partial(_split, folder / "draas", folder / "draas")
    return part("train"), part("test")


def nuclei(folder: Path) -> tuple[list[Sample], list[Sample]]:
    """Every fifth train image, and all validation images."""
    train, val = (read(folder / "nuclei" / part, folder / "nuclei" / part, "cellpose") for part in ("train", "val"))
    return train[::5], val


def bccd(folder: Path) -> tuple[list[Sample], list[Sample]]:
    """Two halves of the images with careful labels."""
    every = read(folder / "bccd/images/train", folder / "bccd/train_reference.json")
    return every[::2], every[1::2]


SETS: dict[str, Callable[[Path], tuple[list[Sample], list[Sample]]]] = {
    "t98g": t98g, "nuclei": nuclei, "draas": draas, "bccd": bccd,
}  # fmt: skip


def curve(pool: Sequence[Sample], other: Sequence[Sample]) -> list[Point]:
    """F1 on the other part by number of corrected images of the pool."""
    untuned = sized(other, AUTO)[0]
    points = [Point(0, "nothing given", float("nan"), float("nan"), float("nan"), f1(other, untuned), 0)]
    with tempfile.TemporaryDirectory() as place:
        ranked = suggest_first(pool, AUTO, sized(pool, AUTO)[0], Path(place), max(CORRECTED), "coco", Console())
        by_name = {sample.name: sample for sample in pool}
        for count in CORRECTED:
            start = time.monotonic()
            chosen = [by_name[one.name] for one in ranked[:count]]
            result = tune(chosen, sized(pool, AUTO)[0], Options(AUTO, TRIALS, 0, Path(place)), lambda: None, print)
            seconds = time.monotonic() - start
            held_out, settings = result.best.held_out, result.best.settings
            alone = f1(other, AUTO.for_cells_of(result.cell_size))
            found = f1(other, sized(other, settings)[0])
            points.append(Point(count, held_out.name, held_out.all.f1, held_out.error, alone, found, seconds))
            print(points[-1], flush=True)
    return points


def f1(samples: Sequence[Sample], settings: WeakLabels) -> float:
    """F1 at IoU 0.5 of the labels that settings give."""
    labels = [labelled.sample.boxes for labelled in label_images(samples, settings)]
    return label_quality(labels, [sample.boxes for sample in samples]).f1


def table(curves: dict[str, list[Point]]) -> str:
    """The points as Markdown."""
    lines = ["| images | corrected | F1 | cell size alone | told by cross-validation | written | seconds |",
             "|---|---:|---:|---:|---:|---|---:|"]  # fmt: skip
    for name, points in curves.items():
        for one in points:
            told = f"{one.expected:.3f} ± {one.error:.3f}" if one.corrected else "-"
            alone = f"{one.sized:.3f}" if one.corrected else "-"
            lines.append(
                f"| {name} | {one.corrected} | **{one.f1:.3f}** | {alone} | {told} | {one.way} | {one.seconds:.0f} |"
            )
    return "\n".join(lines)


def plot(curves: dict[str, list[Point]]) -> Figure:
    """F1 by number of corrected images, a line for each set."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for (name, points), marker in zip(curves.items(), "osD^", strict=False):
        axes.plot([one.corrected for one in points], [one.f1 for one in points], marker=marker, label=name)
    axes.set(xlabel="corrected images", ylabel="F1 at IoU 0.5, other images", ylim=(0, 1), xticks=(0, *CORRECTED))
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    return figure


def _split(images: Path, labels: Path, part: str) -> list[Sample]:
    return read(images / part, labels / f"{part}.json")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="F1 of tuned settings by number of corrected images.")
    parser.add_argument("sets", nargs="*", default=list(SETS), help=f"of {', '.join(SETS)}; all without them")
    parser.add_argument("--plot", type=Path, help="PNG file for the curves")
    given = parser.parse_args()
    curves = {name: curve(*SETS[name](Path(os.environ["SISSI_REAL_DATA"]))) for name in given.sets}
    print(table(curves))
    if given.plot:
        plot(curves).savefig(given.plot, dpi=150)
