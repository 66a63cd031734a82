"""Which cells an audit finds whose labels were dropped, beside a plain ranking by confidence.

    SISSI_REAL_DATA=FOLDER python -m benchmarks.dropped [--folds N] [--repeats N] [--set KEY=VALUE ...] [--out FOLDER]

Careful labels of draas and of nuclei lose cells by three rules. On these the rules of the audit were chosen. FOLDER
holds both sets. What is in --out from an earlier call is not trained again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.audit import PRECISIONS, arguments, by_confidence, cases, recalls, sure, truly_missing
from sissi.boxes import Boxes
from sissi.config import LabelFiles
from sissi.data.formats import write_labels
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.evaluation.border import at_border
from sissi.inference.audit.cross_fitting import Plan
from sissi.inference.audit.run import labelled_samples
from sissi.runtime.randomness import generator

Array = npt.NDArray[np.float64]
Rule = Callable[[Sample, np.random.Generator], Array]
"""Probability that each label of an image is dropped, shape (N,)."""
RULES: dict[str, Rule] = {
    "half of them": lambda sample, _: np.full(len(sample.boxes), 0.5),
    "85 % at the border, 30 % inside": lambda sample, _: np.where(
        at_border(sample.boxes, sample.height, sample.width), 0.85, 0.3
    ),
    "0 to 90 %, drawn for each image": lambda sample, random: np.full(len(sample.boxes), random.uniform(0, 0.9)),
}
SETS = {
    "draas": (LabelFiles(format="coco", labels=Path("draas/train.json")), "draas/train", 47),
    "nuclei": (LabelFiles(format="cellpose", labels=Path("nuclei/train")), "nuclei/train", 72),
}
"""Careful labels, folder of their images, and how many of these are drawn."""


def main() -> None:
    """Print a line for each set and rule, as Markdown."""
    options = arguments(__doc__, "out/dropped").parse_args()
    plan = Plan(options.folds, options.repeats, 0)
    root = Path(os.environ["SISSI_REAL_DATA"])
    heads = " | ".join(f"{name} at {share:.0%}" for share in PRECISIONS for name in ("audit", "plain"))
    print(f"| set | labels that are dropped | cells without one | {heads} | sure | right of them |")
    print(f"| --- | --- | ---: |{' ---: |' * (2 * len(PRECISIONS) + 2)}")
    for name, (labels, folder, count) in SETS.items():
        careful = labels.model_copy(update={"labels": root / labels.labels})
        samples = drawn(labelled_samples(careful, root / folder, {}, (), Problems()), count)
        for rule, shares in RULES.items():
            place = options.out / name / rule.replace(" ", "-").replace("%", "percent").replace(",", "")
            place.mkdir(parents=True, exist_ok=True)
            dropped = LabelFiles(format="coco", labels=place / "dropped.json")
            write_labels("coco", samples, [kept(sample, shares) for sample in samples], dropped.labels)
            found = cases(dropped, careful, root / folder, place, plan, options.set)
            total = sum(len(truly_missing(case)) for case in found)
            audit = recalls(found, [(case.missing, case.missing.scores.astype(np.float64)) for case in found])
            plain = recalls(found, [by_confidence(case) for case in found])
            scores = " | ".join(f"{100 * one:.1f}" for pair in zip(audit, plain, strict=True) for one in pair)
            count, right = sure(found)
            print(f"| {name} | {rule} | {total:,} | {scores} | {count:,} | {right:.0%} |", flush=True)


def drawn(samples: list[Sample], count: int) -> list[Sample]:
    """Some of the images, at random."""
    chosen = generator(0, "images").permutation(len(samples))[:count]
    return [samples[index] for index in sorted(chosen.tolist())]


def kept(sample: Sample, shares: Rule) -> Boxes:
    """The labels of an image that are not dropped."""
    random = generator(0, "dropped", sample.name)
    gone = shares(sample, random)
    return sample.boxes.take(random.random(len(sample.boxes)) >= gone)


if __name__ == "__main__":
    main()
