"""Section on the agreement between the readers, and between detectors and readers."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sissi.boxes import Boxes
from sissi.evaluation.reader_agreement import agreement
from sissi.report.document import Section
from sissi.report.pictures import confident
from sissi.report.report_data import ReportData
from sissi.runtime.tables import Cell, Table


def readers_section(evidence: ReportData) -> Section:
    """Section with F1 at IoU 0.5 of each pair of readers, and of each variant with each reader."""
    section = Section("Agreement of the readers")
    if not evidence.readers:
        section.blocks.append(
            "The boxes of the readers are unknown: the run does not contain them, and the images were not found."
        )
        return section
    score = evidence.record.experiment.pseudo_labels.score
    section.blocks += [
        "F1 at IoU 0.5, in %. The agreement of two people is about the upper limit for a detector.",
        _table(evidence, score),
    ]
    return section


def _table(evidence: ReportData, score: float) -> Table:
    readers = evidence.readers
    rows = [
        [
            Cell(f"{reader} ({sum(map(len, boxes.values()))} cells)", reader),
            *(Cell("", None) if reader == other else _cell(boxes, readers[other]) for other in readers),
        ]
        for reader, boxes in readers.items()
    ]
    for variant in evidence.record.variants:
        of_seeds = [snapshot.boxes for (name, _), snapshot in evidence.predictions.items() if name == variant]
        for predicted in of_seeds[:1]:
            shown = {name: confident(boxes, score) for name, boxes in predicted.items()}
            title = evidence.record.known[variant].title
            rows.append([Cell(title, title), *(_cell(shown, boxes) for boxes in readers.values())])
    return Table(
        "agreement",
        f"Each reader, and each variant (first seed, predictions with a score of at least {score:g}), with each "
        "reader.",
        ["", *readers],
        rows,
    )


def _cell(first: Mapping[str, Boxes], second: Mapping[str, Boxes]) -> Cell:
    both = [name for name in second if name in first]
    f1 = agreement([first[name] for name in both], [second[name] for name in both])
    return Cell("-", None) if math.isnan(f1) else Cell(f"{100 * f1:.1f}", 100 * f1)
