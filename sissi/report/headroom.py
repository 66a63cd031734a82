"""The shares of the headroom that the variants win, with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sissi.config.variants import ORACLE, WEAK_ONLY, Variant
from sissi.evaluation.headroom import Shares, records, shares
from sissi.report.document import Section
from sissi.report.report_data import Evidence
from sissi.results import headroom_table
from sissi.results.tables import Cell, Table, Value


def headroom_section(evidence: Evidence) -> Section:
    """How much of what perfect labels would add each variant wins."""
    section = Section("Share of the headroom")
    found = shares(evidence.scored)
    if not found:
        section.blocks.append(
            f"There is no share of the headroom: it takes the predictions of {WEAK_ONLY}, of {ORACLE} and of a variant."
        )
        return section
    section.blocks += [
        f"The headroom is what perfect labels would add to no correction: the score of {ORACLE} minus that of "
        f"{WEAK_ONLY}. A variant that is no better than {WEAK_ONLY} wins 0 % of it, one as good as {ORACLE} 100 %; "
        "below 0 %, correction did harm. Also known as the performance gap recovered (Burns et al. 2023).",
        "A resample of the bootstrap takes the same images and seeds for all three rows. One without headroom is left "
        "out; where these are more than one in twenty, there is no interval. Bold: the interval lies above 0.",
        headroom(found, evidence.record.known),
    ]
    return section


def headroom(found: Shares, known: Mapping[str, Variant]) -> Table:
    """The table of the shares."""
    header, lines = headroom_table.grid(found, known)
    columns = list(dict.fromkeys((reader, metric) for _, reader, metric in found))
    rows = []
    for name, texts in zip(headroom_table.named(found, known), lines, strict=True):
        row = [Cell(texts[0], known[name].title)]
        for column, text in zip(columns, texts[1:], strict=True):
            one = found.get((name, *column))
            value = None if one is None or math.isnan(one.value) else 100 * one.value
            row.append(Cell(text, value, bold=one is not None and one.low > 0))
        rows.append(row)
    return Table(
        "headroom", f"{headroom_table.TITLE}: {headroom_table.caption(found)}", header, rows, data=_data(found)
    )


def _data(found: Shares) -> list[dict[str, Value]]:
    """In percent, as all tables of a report are."""
    percent = ("value", "low", "high", "undefined")
    return [
        {key: 100 * value if key in percent and value is not None else value for key, value in one.items()}
        for one in records(found)
    ]
