"""Which defect of the labels costs what: the oracle trained on a reference with one defect of the labels at a time.

    python -m benchmarks.attribution EXPERIMENT [--labels LABELS.json] [--set KEY=VALUE ...] [--out FOLDER]

The labels are the initial ones of the experiment, or those of a row (`sissi labels RUN --out LABELS.json`).
Each run is the row oracle of the experiment, with `data.target_reference` replaced; runs that are finished are not
repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.ablations import HEADER, line, run_ablation
from sissi.boxes import Boxes, concatenate, make_boxes, match
from sissi.config import LabelFiles
from sissi.config.load import load_experiment
from sissi.data.experiment_data import ExperimentData, data_files, load_data
from sissi.data.formats.coco import to_coco
from sissi.data.load import load_reference
from sissi.data.problems import Problems

DEFECTS = ("missing", "false", "inexact")
RUNS: dict[str, tuple[str, ...]] = {
    "none": (),
    "missing": ("missing",),
    "false": ("false",),
    "inexact": ("inexact",),
    "missing, inexact": ("missing", "inexact"),
    "all": DEFECTS,
}


def degraded(reference: Boxes, labels: Boxes, defects: Sequence[str]) -> Boxes:
    """The reference of an image with some of the defects of its labels; with all of them it is the labels.

    Args:
        reference: true boxes.
        labels: labels of the same image.
        defects: of "missing" (cells without a label at IoU 0.5 have none), "false" (labels of no cell are added) and
            "inexact" (cells with a label have its box).
    """
    partner = match(labels, reference)
    found = partner >= 0
    boxes = reference.xyxy.copy()
    if "inexact" in defects:
        boxes[partner[found]] = labels.xyxy[found]
    kept = np.isin(np.arange(len(reference)), partner) | ("missing" not in defects)
    true = make_boxes(boxes[kept], reference.scores[kept], reference.labels[kept])
    return concatenate([true, labels.take(~found)]) if "false" in defects else true


def main() -> None:
    """Train the oracle with each set of defects, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--labels", type=Path, help="COCO file of the labels; default: the initial labels")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of sissi ablation")
    parser.add_argument("--out", type=Path, default=Path("out/attribution"))
    options = parser.parse_args()
    experiment = load_experiment(options.experiment, options.set)
    data = load_data(experiment, Problems())
    if data.reference is None:
        sys.exit(f"{options.experiment}: data.target_reference is needed, the labels that are degraded")
    labels = [sample.boxes for sample in data.target_train]
    if options.labels is not None:
        given = LabelFiles(format="coco", labels=options.labels.resolve())
        folder = data_files(experiment).folder
        read = load_reference(given, data.target_train, folder, Problems(), experiment.classes)
        labels = [boxes if boxes is not None else make_boxes([]) for boxes in read]
    lines = [HEADER[0].format("defects of the reference"), HEADER[1]]
    for name, defects in RUNS.items():
        reference = _write(data, labels, defects, options.out / f"{name}.json", experiment.class_names)
        values = (
            *options.set,
            "variants=[oracle]",
            "rows={}",
            f"data.target_reference={json.dumps({'format': 'coco', 'labels': str(reference.resolve())})}",
            f"tracking.folder={options.out / 'mlruns'}",
        )
        lines.append(line(name, run_ablation(options.experiment, values, options.out / name)["oracle"]))
    print("\n".join(lines))


def _write(
    data: ExperimentData, labels: Sequence[Boxes], defects: Sequence[str], path: Path, classes: Sequence[str]
) -> Path:
    """Write the degraded reference of the images that have one as a COCO file."""
    rows = [
        ((sample.name, sample.height, sample.width), degraded(true, found, defects))
        for sample, true, found in zip(data.target_train, data.reference or (), labels, strict=True)
        if true is not None
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(to_coco([image for image, _ in rows], [boxes for _, boxes in rows], classes)))
    return path


if __name__ == "__main__":
    main()
