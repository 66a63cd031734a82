"""Section on the agreement of the rows of an ablation that nobody has scored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sissi.boxes import EMPTY, Boxes
from sissi.evaluation.reader_agreement import agreement
from sissi.report.document import Section
from sissi.report.pictures import confident
from sissi.report.report_data import ReportData
from sissi.results.agreement import agreements, as_table
from sissi.runtime.tables import Cell, Table

INITIAL = "initial labels"


def agreement_section(evidence: ReportData) -> Section:
    """Section with how far the rows agree with each other and with the initial labels, about the training images."""
    section = Section("Agreement of the rows")
    record = evidence.record
    starts = (record.snapshot("pseudo_labels/epoch_000.json", trunk) for trunk in record.trunks.values())
    initial = next((snapshot.boxes for snapshot in starts if snapshot is not None), None)
    if not evidence.detections or initial is None:
        section.blocks.append("No row has come to its end yet.")
        return section
    score = record.experiment.pseudo_labels.score
    found = {
        key: [confident(snapshot.boxes.get(name, EMPTY), score) for name in initial]
        for key, snapshot in evidence.detections.items()
    }
    seed = min(seed for _, seed in found)
    titles = {name: record.known[name].title for name in record.variants}
    boxes = {titles[name]: boxes for (name, of), boxes in found.items() if of == seed}
    labels = {
        titles[name]: [of_epochs[max(of_epochs)].boxes.get(image, EMPTY) for image in initial]
        for name in record.variants
        if record.known[name].corrects
        and (run := record.branches.get((name, seed)))
        and (of_epochs := record.labels(run))
    }
    section.blocks += [
        as_table(agreements(found, list(initial.values())), record.known),
        _matrix("agreement_of_detections", f"Detections, seed {seed}: F1 at IoU 0.5, in %.", initial, boxes),
        _matrix("agreement_of_labels", f"Last labels, seed {seed}: F1 at IoU 0.5, in %.", initial, labels),
    ]
    return section


def _matrix(name: str, caption: str, initial: Mapping[str, Boxes], rows: Mapping[str, Sequence[Boxes]]) -> Table:
    """Agreement of each row with the initial labels and with each row."""
    columns = {INITIAL: list(initial.values()), **rows}
    lines = [
        [Cell(title, title), *(_cell(mine, theirs, title == other) for other, theirs in columns.items())]
        for title, mine in rows.items()
    ]
    return Table(name, caption, ["variant", *columns], lines)


def _cell(first: Sequence[Boxes], second: Sequence[Boxes], same: bool) -> Cell:
    f1 = agreement(first, second)
    return Cell("", None) if same or math.isnan(f1) else Cell(f"{100 * f1:.1f}", 100 * f1)
