"""How well the readers agree with one another, and the detectors with them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sissi.boxes import Boxes
from sissi.evaluation.reader_agreement import agreement
from sissi.report.document import Section
from sissi.report.pictures import confident
from sissi.report.report_data import ReportData
from sissi.results.tables import Cell, Table


def readers_section(evidence: ReportData) -> Section:
    """F1 at IoU 0.5 of each pair of readers, and of each variant with each reader."""
    section = Section("How well the readers agree")
    if not evidence.readers:
        section.blocks.append(
            "The readers' boxes are not known: the run does not hold them, and the images were not found."
        )
        return section
    score = evidence.record.experiment.pseudo_labels.score
    section.blocks += [
        "F1 at IoU 0.5, in %. What two people agree on is about the most that a detector can be asked for.",
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
        of_seeds = [found.boxes for (name, _), found in evidence.predictions.items() if name == variant]
        for predicted in of_seeds[:1]:
            sure = {name: confident(boxes, score) for name, boxes in predicted.items()}
            title = evidence.record.known[variant].title
            rows.append([Cell(title, title), *(_cell(sure, boxes) for boxes in readers.values())])
    return Table(
        "agreement",
        f"Each reader, and each variant (first seed, predictions with a score from {score:g} on), with each reader.",
        ["", *readers],
        rows,
    )


def _cell(first: Mapping[str, Boxes], second: Mapping[str, Boxes]) -> Cell:
    both = [name for name in second if name in first]
    f1 = agreement([first[name] for name in both], [second[name] for name in both])
    return Cell("-", None) if math.isnan(f1) else Cell(f"{100 * f1:.1f}", 100 * f1)
