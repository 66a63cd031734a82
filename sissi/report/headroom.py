"""Section on the shares of the headroom with their intervals."""

from __future__ import annotations

from sissi.config.variants import ORACLE, WEAK_ONLY
from sissi.evaluation.headroom import shares
from sissi.report.document import Section
from sissi.report.report_data import ReportData
from sissi.results.headroom_table import as_table


def headroom_section(evidence: ReportData) -> Section:
    """Section on the share of the headroom of each variant."""
    section = Section("Share of the headroom")
    by_row = shares(evidence.scored)
    if not by_row:
        section.blocks.append(
            f"There is no share of the headroom: it needs predictions of {WEAK_ONLY}, of {ORACLE} and of a variant."
        )
        return section
    section.blocks += [
        f"The headroom is the possible gain by perfect labels: the score of {ORACLE} minus that of {WEAK_ONLY}. A "
        f"variant as good as {WEAK_ONLY} has a share of 0 %, one as good as {ORACLE} a share of 100 %; below 0 %, "
        "correction did harm. The share is also known as the performance gap recovered (Burns et al. 2023).",
        "A resample of the bootstrap takes the same images and seeds for all three rows. Resamples without headroom "
        "are left out; if they are more than one in twenty, there is no interval.",
        as_table(by_row, evidence.record.known),
    ]
    return section
