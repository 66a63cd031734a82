"""The shares of the headroom that the variants win, with their intervals."""

from __future__ import annotations

from sissi.config.variants import ORACLE, WEAK_ONLY
from sissi.evaluation.headroom import shares
from sissi.report.document import Section
from sissi.report.report_data import ReportData
from sissi.results.headroom_table import as_table


def headroom_section(evidence: ReportData) -> Section:
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
        "out; where these are more than one in twenty, there is no interval.",
        as_table(found, evidence.record.known),
    ]
    return section
