"""Weak labels on real images: F1 of each pipeline on each set, with the size of cells estimated and given.

    SISSI_REAL_DATA=FOLDER python benchmarks/real_images.py

prints the table of docs/weak-labels.md. FOLDER holds the sets in the folders t98g, nuclei, draas and bccd. Settings and
rules were chosen on one part of each set, and are measured on the others.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np

from sissi.boxes import Boxes
from sissi.config import LabelFiles, WeakLabels
from sissi.data.find import decode_all, find_images
from sissi.data.labels import read_labels
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.data.weak_labelling import label_images, sized
from sissi.evaluation.label_quality import label_quality
from sissi.names import PipelineName

PIPELINES = (*get_args(PipelineName), "auto")
CHOSEN_ON, HELD_OUT = "chosen on", "held out"
SIZES = ("nothing given", "cell size given")
Row = tuple[str, float, str]


@dataclass(frozen=True)
class RealSet:
    """Images with careful labels.

    Attributes:
        name: of the set.
        part: what settings and rules owe to it.
        samples: the images, with their careful labels as boxes.
    """

    name: str
    part: str
    samples: Sequence[Sample]

    @property
    def cell_size(self) -> float:
        """Median of the longer sides of all cells, in px."""
        return float(np.median(np.concatenate([np.maximum(s.boxes.widths, s.boxes.heights) for s in self.samples])))


def real_sets(folder: Path) -> list[RealSet]:
    """Every part of every set."""
    t98g = _coco(folder / "t98g/images/train", folder / "t98g/train.json")
    bccd = _coco(folder / "bccd/images/train", folder / "bccd/train_reference.json")
    nuclei = {part: _read(folder / "nuclei" / part, folder / "nuclei" / part, "cellpose") for part in ("train", "val")}
    return [
        RealSet("t98g", CHOSEN_ON, t98g[::2]),
        RealSet("nuclei", CHOSEN_ON, nuclei["train"][::5]),
        RealSet("draas", CHOSEN_ON, _coco(folder / "draas/train", folder / "draas/train.json")),
        RealSet("bccd", CHOSEN_ON, bccd[::2]),
        RealSet("t98g", "other quarters of the same scenes", t98g[1::2]),
        RealSet("t98g", HELD_OUT, _coco(folder / "t98g/images/test", folder / "t98g/test.json")),
        RealSet("nuclei", HELD_OUT, nuclei["val"]),
        RealSet("draas", HELD_OUT, _coco(folder / "draas/test", folder / "draas/test.json")),
        RealSet("bccd", HELD_OUT, bccd[1::2]),
    ]


def measure(folder: Path) -> list[Row]:
    """F1 of each pipeline on each set, with the estimated size of a cell and with the true one, and both sizes."""
    rows = []
    for one in real_sets(folder):
        estimated = sized(one.samples, WeakLabels(pipeline="auto"))[0]
        given = WeakLabels(pipeline="auto").for_cells_of(one.cell_size)
        for size, settings in zip(SIZES, (estimated, given), strict=True):
            rows.append((f"{one.name}, {one.part}, {size}: cell size", float(settings.cell_size), "px"))
            for pipeline in PIPELINES:
                f1 = _f1(one.samples, settings.model_copy(update={"pipeline": pipeline}))
                rows.append((f"{one.name}, {one.part}, {size}: {pipeline}", f1, ""))
    return rows


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown: a line for each set, part and knowledge of the size."""
    lines: dict[str, list[str]] = {}
    for name, value, unit in rows:
        head, _, _ = name.partition(": ")
        lines.setdefault(head, []).append(f"{value:.0f} px" if unit else f"{value:.3f}")
    header = ["images", "cell size", *(f"`{pipeline}`" for pipeline in PIPELINES)]
    body = ([head, *cells] for head, cells in lines.items())
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *body))


def _f1(samples: Sequence[Sample], settings: WeakLabels) -> float:
    labels = [labelled.sample.boxes for labelled in label_images(samples, settings)]
    return label_quality(labels, [sample.boxes for sample in samples]).f1


def _coco(images: Path, labels: Path) -> list[Sample]:
    return _read(images, labels, "coco")


def _read(images: Path, labels: Path, format: str) -> list[Sample]:
    """The images that have labels, sorted by name."""
    problems = Problems()
    layout = "cellpose" if format == "cellpose" else "flat"
    samples = decode_all(find_images(images, layout, problems, "images"), "images", problems)
    source = LabelFiles.model_validate({"format": format, "labels": labels})
    truth: dict[str, Boxes] = read_labels(source, Path(), samples, problems, "labels", others=None)
    return [replace(sample, boxes=truth[sample.name]) for sample in samples if sample.name in truth]


if __name__ == "__main__":
    print(table(measure(Path(os.environ["SISSI_REAL_DATA"]))))
