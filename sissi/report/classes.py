"""Section on the classes of cells: scores, what is taken for what, and the readers' agreement."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sissi.boxes import EMPTY, Boxes
from sissi.evaluation.class_agreement import ClassAgreement, class_agreement
from sissi.evaluation.confusion import Counts, class_accuracy, confusion
from sissi.report.document import Section
from sissi.report.pictures import confident
from sissi.report.report_data import ReportData
from sissi.results.class_table import as_tables
from sissi.runtime.tables import Cell, Table, Value
from sissi.tracking import RunRecord

Named = Mapping[str, Boxes]
"""Boxes by image name."""
MISSED, FALSE = "missed", "no cell"
"""Column of cells that are not found, and row of boxes where there is no cell."""


def classes_section(evidence: ReportData) -> Section:
    """Section with the scores of each class, the classes of labels, confusion matrices, and the readers' kappa."""
    section = Section("Classes")
    names = evidence.record.experiment.class_names
    section.blocks += as_tables(evidence.record.class_rows, evidence.record.known)
    if evidence.reference:
        section.blocks.append(_labels_table(evidence, names))
    if evidence.readers:
        score = evidence.record.experiment.pseudo_labels.score
        section.blocks += [_confusion_table(evidence, names, score), _agreement_table(evidence, names, score)]
    return section


def _labels_table(evidence: ReportData, names: Sequence[str]) -> Table:
    """Classes of the labels of the first seed that match a reference box, initial and last."""
    record = evidence.record
    runs: dict[str, RunRecord | None] = {"initial labels": next(iter(record.trunks.values()), None)}
    for variant in record.variants:
        if record.known[variant].corrects:
            of_seeds = [run for (name, _), run in sorted(record.branches.items()) if name == variant]
            runs[record.known[variant].title] = of_seeds[0]
    rows = []
    for title, run in runs.items():
        labels = record.labels(run) if run else {}
        if labels:
            counts = _counts(labels[max(labels)].boxes, evidence.reference, len(names))
            rows.append([Cell(title, title), _percent(class_accuracy(counts)), *_shares(counts)])
    header = [f"{name}, {what}" for name in names for what in ("precision", "recall")]
    caption = (
        "Classes of the labels of the last cycle, first seed, in %: share of the labels that match a reference box "
        "whose class is right; and of each class precision and recall at IoU 0.5, where a label of another class is "
        "false."
    )
    return Table("label_classes", caption, ["labels", "class right", *header], rows)


def _confusion_table(evidence: ReportData, names: Sequence[str], score: float) -> Table:
    """What the cells of the first reader are taken for; the data have all readers."""
    first = next(iter(evidence.readers))
    rows: list[list[Cell]] = []
    data: list[dict[str, Value]] = []
    for title, found in _found(evidence, score).items():
        for reader, truth in evidence.readers.items():
            counts = _counts(found, truth, len(names))
            for name, line in zip([*names, FALSE], counts.tolist(), strict=True):
                data.append(
                    {"variant": title, "reader": reader, "true": name} | dict(zip([*names, MISSED], line, strict=True))
                )
                if reader == first:
                    rows.append([Cell(f"{title}: {name}", name), *(Cell(str(count), count) for count in line)])
    caption = (
        f"Confusion matrix at IoU 0.5 with {first}, first seed, predictions with a score of at least {score:g}: the "
        f"cells of each class (rows) by the class that is found (columns); {FALSE}: found where the reader has none. "
        "The CSV has all readers."
    )
    return Table("confusion", caption, ["true class", *names, MISSED], rows, data)


def _agreement_table(evidence: ReportData, names: Sequence[str], score: float) -> Table:
    """Cohen's kappa of each reader, and of each variant, with each reader."""
    readers = evidence.readers
    rows = [
        [
            Cell(mine, mine),
            *(_kappa(None if mine == other else _agreed(boxes, readers[other], names)) for other in readers),
        ]
        for mine, boxes in readers.items()
    ]
    for title, found in _found(evidence, score).items():
        rows.append([Cell(title, title), *(_kappa(_agreed(found, boxes, names)) for boxes in readers.values())])
    caption = (
        "Agreement on the class of the cells that both have (IoU 0.5): Cohen's kappa with its 95 % interval, by a "
        "bootstrap over images; 1: full agreement, 0: as by chance. Variants: first seed, predictions with a score of "
        f"at least {score:g}."
    )
    return Table("class_agreement", caption, ["", *readers], rows)


def _found(evidence: ReportData, score: float) -> dict[str, dict[str, Boxes]]:
    """Predictions of the first seed of each variant, by its title."""
    found: dict[str, dict[str, Boxes]] = {}
    for (variant, _), snapshot in sorted(evidence.predictions.items(), key=lambda one: one[0][1]):
        boxes = {name: confident(boxes, score) for name, boxes in snapshot.boxes.items()}
        found.setdefault(evidence.record.known[variant].title, boxes)
    return found


def _counts(labels: Named, truth: Named, classes: int) -> Counts:
    return confusion([labels.get(name, EMPTY) for name in truth], list(truth.values()), classes)


def _agreed(first: Named, second: Named, names: Sequence[str]) -> ClassAgreement:
    both = [name for name in second if name in first]
    return class_agreement([first[name] for name in both], [second[name] for name in both], len(names))


def _shares(counts: Counts) -> list[Cell]:
    """Precision and recall of each class."""
    right = counts.diagonal()[:-1].tolist()
    totals = zip(counts.sum(axis=0)[:-1].tolist(), counts.sum(axis=1)[:-1].tolist(), strict=True)
    return [
        _percent(hits / total if total else math.nan)
        for hits, both in zip(right, totals, strict=True)
        for total in both
    ]


def _percent(value: float) -> Cell:
    return Cell("-", None) if math.isnan(value) else Cell(f"{100 * value:.1f}", 100 * value)


def _kappa(found: ClassAgreement | None) -> Cell:
    if found is None or math.isnan(found.kappa):
        return Cell("" if found is None else "-", None)
    interval = "" if math.isnan(found.low) else f" [{found.low:.2f}, {found.high:.2f}]"
    return Cell(f"{found.kappa:.2f}{interval}", found.kappa)
