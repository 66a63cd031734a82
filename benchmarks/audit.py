"""Which missing labels of BCCD an audit finds, beside cleanlab and a plain ranking by confidence.

    pip install cleanlab
    SISSI_REAL_DATA=FOLDER python -m benchmarks.audit [--folds N] [--repeats N] [--set KEY=VALUE ...] [--out FOLDER]

`sissi audit` gets the published labels of the training images. What it flags is compared with the careful labels of
those images that have some; nothing was chosen on these. All rankings order the same out-of-fold detections. FOLDER
holds the set bccd. With detections.json in --out from an earlier call nothing is trained again.
"""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from sissi.boxes import Boxes, iou, make_boxes, match
from sissi.config import LabelFiles
from sissi.data.labels import read_labels
from sissi.data.problems import Problems
from sissi.inference.audit.certainty import certainty
from sissi.inference.audit.cross_fitting import Plan
from sissi.inference.audit.pairing import pair
from sissi.inference.audit.run import AuditOptions, audit, flag_all, labelled_samples
from sissi.inference.audit.settings import audit_experiment

PRECISIONS = (0.9, 0.8, 0.7)
FIRST = (300, 600, 1000, 1500, 2000)
"""Numbers of boxes of the audit, the surest ones, of which the wrong ones are told apart."""
SURE = 0.5
"""Lowest score that `sissi audit` shows by default."""
THRESHOLDS = tuple(np.arange(0, 1, 0.05).round(2).tolist())
"""Lowest confidences of a detection for cleanlab, the best of which at each precision counts."""
Array = npt.NDArray[np.float64]
Ranked = tuple[Boxes, Array]
"""Boxes that may be missing in an image, and how likely each is, shape (N,)."""


@dataclass(frozen=True, eq=False)
class Case:
    """An image with labels in doubt and careful ones.

    Attributes:
        detections: out-of-fold detections.
        labels: labels in doubt.
        careful: careful labels.
        missing: boxes of the audit that may be missing.
    """

    detections: Boxes
    labels: Boxes
    careful: Boxes
    missing: Boxes


def main() -> None:
    """Audit the labels, and print the table."""
    options = arguments(__doc__, "out/audit").parse_args()
    folder = Path(os.environ["SISSI_REAL_DATA"]) / "bccd"
    doubted = LabelFiles(format="voc", labels=folder / "Annotations", classes=("RBC", "WBC"))
    careful = LabelFiles(format="coco", labels=folder / "train_reference.json")
    plan = Plan(options.folds, options.repeats, 0)
    found = cases(doubted, careful, folder / "images/train", options.out, plan, options.set)
    print(table(found), wrong_boxes(found), sep="\n\n")


def arguments(usage: str | None, out: str) -> argparse.ArgumentParser:
    """The options of an audit, whose results are kept in a folder."""
    parser = argparse.ArgumentParser(description=usage, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of sissi audit")
    parser.add_argument("--out", type=Path, default=Path(out))
    return parser


def cases(
    doubted: LabelFiles, careful: LabelFiles, images: Path, out: Path, plan: Plan, overrides: Sequence[str]
) -> list[Case]:
    """The images that have careful labels; all images with labels in doubt are audited."""
    problems = Problems()
    samples = labelled_samples(doubted, images, {}, (), problems)
    known = read_labels(careful, Path(), samples, problems, "careful", others=None)
    found = out / "detections.json"
    if not found.exists():
        settings = AuditOptions(plan, 0.5, 20, "label_studio", {}, (), out / "mlruns", overrides)
        audit(doubted, images, out, settings, Console(stderr=True))
    source = LabelFiles(format="coco", labels=found)
    detections = list(read_labels(source, Path(), samples, problems, "detections").values())
    size = audit_experiment(samples, {}, out / "mlruns", overrides).training.image_size
    flags = flag_all(detections, samples, certainty(detections, samples, size))
    return [
        Case(detections[index], sample.boxes, known[sample.name], flags[index].of_kind("missing").boxes)
        for index, sample in enumerate(samples)
        if sample.name in known
    ]


def table(found: Sequence[Case]) -> str:
    """Share of the missing cells that each ranking finds at each precision, as Markdown."""
    rankings = {
        "sissi audit": [[(case.missing, case.missing.scores.astype(np.float64)) for case in found]],
        "confidence of detections without a label": [[by_confidence(case) for case in found]],
        "cleanlab, its default threshold of 0.95": [by_cleanlab(found, None)],
        "cleanlab, the best threshold in hindsight": [by_cleanlab(found, least) for least in THRESHOLDS],
    }
    total = sum(len(truly_missing(case)) for case in found)
    cells = sum(len(case.careful) for case in found)
    heads = " | ".join(f"at {precision:.0%} precision" for precision in PRECISIONS)
    count, share = sure(found)
    lines = [
        f"{len(found)} images, {cells:,} cells, {total:,} of them without a label. Boxes of the audit with a score of "
        f"{SURE} or more: {count:,}, {share:.0%} of them right.",
        "",
        f"| missing cells found, % | {heads} |",
        f"| --- |{' ---: |' * len(PRECISIONS)}",
    ]
    for name, variants in rankings.items():
        best = np.max([recalls(found, ranking) for ranking in variants], axis=0)
        lines.append(f"| {name} | {' | '.join(f'{100 * recall:.1f}' for recall in best)} |")
    return "\n".join(lines)


def sure(found: Sequence[Case]) -> tuple[int, float]:
    """How many boxes that may be missing have a score of `SURE` or more, and which share of them is right."""
    chosen = [(case, case.missing.take(case.missing.scores >= SURE)) for case in found]
    right = [match(boxes, truly_missing(case)) >= 0 for case, boxes in chosen]
    hits = np.concatenate(right)
    return len(hits), float(hits.mean()) if len(hits) else float("nan")


def truly_missing(case: Case) -> Boxes:
    """Careful boxes without a label, by the rule that pairs detections and labels."""
    return case.careful.take(pair(make_boxes(case.careful.xyxy), case.labels) < 0)


def recalls(found: Sequence[Case], ranking: Sequence[Ranked]) -> list[float]:
    """Largest share of the missing cells in the first boxes of a ranking that have at least each precision.

    A box is right if it matches a missing cell with an IoU of 0.5 or more, by COCO's rule. Boxes with equal scores
    come together.
    """
    right, scores = [], []
    for case, (boxes, score) in zip(found, ranking, strict=True):
        ordered = make_boxes(boxes.xyxy, score - score.min(initial=0))
        right.append(match(ordered, truly_missing(case)) >= 0)
        scores.append(score)
    score, hits = np.concatenate(scores), np.concatenate(right)
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True)[: len(order)]
    true = np.cumsum(hits[order])
    precision = true / np.arange(1, len(order) + 1)
    total = sum(len(truly_missing(case)) for case in found)
    return [float((true * (last & (precision >= least))).max(initial=0) / total) for least in PRECISIONS]


def wrong_boxes(found: Sequence[Case]) -> str:
    """Of the first boxes of the audit, the share that is right, and where the wrong ones lie, as Markdown."""
    boxes = []
    for case in found:
        missing = truly_missing(case)
        right = match(make_boxes(case.missing.xyxy, case.missing.scores), missing) >= 0
        near = iou(case.missing, missing).max(axis=1, initial=0)
        any_cell = iou(case.missing, case.careful).max(axis=1, initial=0)
        boxes += list(zip(-case.missing.scores, right, near, any_cell, strict=True))
    ranked = np.array(sorted(boxes, key=lambda box: box[0]), np.float64).reshape(-1, 4)
    lines = ["| first boxes | right | wrong: IoU 0.3 to 0.5 with a missing cell | wrong: no cell there |"]
    lines += ["| ---: | ---: | ---: | ---: |"]
    for number in (number for number in FIRST if number <= len(ranked)):
        _, right, near, any_cell = ranked[:number].T
        wrong = right == 0
        close, nothing = ((near >= 0.3) & (near < 0.5))[wrong], (any_cell < 0.1)[wrong]
        lines.append(f"| {number:,} | {right.mean():.0%} | {close.mean():.0%} | {nothing.mean():.0%} |")
    return "\n".join(lines)


def by_confidence(case: Case) -> Ranked:
    """Detections without a label by their scores."""
    alone = case.detections.take(pair(case.detections, case.labels) < 0)
    return alone, alone.scores.astype(np.float64)


def by_cleanlab(found: Sequence[Case], least: float | None) -> list[Ranked]:
    """Detections by cleanlab's score of overlooked boxes; those that it gives none are left out.

    Args:
        found: images.
        least: its `high_probability_threshold`; None: its default.
    """
    rank: Any = importlib.import_module("cleanlab.object_detection.rank")
    score: Callable[..., list[Array]] = rank.compute_overlooked_box_scores
    labels = [
        {"bboxes": case.labels.xyxy, "labels": np.zeros(len(case.labels), np.int64), "image_name": str(index)}
        for index, case in enumerate(found)
    ]
    predictions = [np.column_stack([case.detections.xyxy, case.detections.scores])[None] for case in found]
    scores = score(labels=labels, predictions=predictions, high_probability_threshold=least)
    kept = [np.isfinite(values) for values in scores]
    return [
        (case.detections.take(mask), 1 - np.asarray(values, np.float64)[mask])
        for case, mask, values in zip(found, kept, scores, strict=True)
    ]


if __name__ == "__main__":
    main()
