"""How many labels are at the border of the images, of those that uniformly placed cells would have there.

    python -m benchmarks.border EXPERIMENT ... [--set KEY=VALUE ...]

A line for each experiment file: the share for its initial labels and for their reference, in px of the resized images;
and the recall of the initial labels inside and at the border. `pseudo_labels.border_recall: uniform` takes the first
share for the ratio of the two.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sissi.boxes import Boxes, match
from sissi.config.load import load_experiment
from sissi.data.experiment_data import load_data
from sissi.data.problems import Problems
from sissi.evaluation.border import at_border, border_counts


def main() -> None:
    """Print the table, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", type=Path, nargs="+")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of sissi ablation")
    options = parser.parse_args()
    print("| experiment | initial labels | reference | recall inside | recall at the border |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for file in options.experiments:
        print(line(file, options.set), flush=True)


def line(file: Path, overrides: Sequence[str]) -> str:
    """The line of an experiment with a reference."""
    experiment = load_experiment(file, overrides)
    size = experiment.training.image_size
    data = load_data(experiment, Problems())
    every, reference = (data.resized(role, size).boxes for role in ("target_train", "referenced"))
    initial = [boxes for boxes, careful in zip(every, data.reference or (), strict=True) if careful is not None]
    values = (share(every, size), share(reference, size), *recalls(initial, reference, size))
    return f"| {experiment.name} | {' | '.join(f'{value:.2f}' for value in values)} |"


def share(labels: Sequence[Boxes], size: tuple[int, int]) -> float:
    """Labels at the border, over those that uniformly placed cells would have there."""
    found, expected = border_counts(labels, *size)
    return float(found.sum() / expected.sum())


def recalls(labels: Sequence[Boxes], reference: Sequence[Boxes], size: tuple[int, int]) -> tuple[float, float]:
    """Recall of labels inside and at the border of the images."""
    border = np.concatenate([at_border(boxes, *size) for boxes in reference])
    found = np.concatenate([match(true, given) >= 0 for given, true in zip(labels, reference, strict=True)])
    return float(found[~border].mean()), float(found[border].mean())


if __name__ == "__main__":
    main()
