"""Results of an ablation: table 1 and the shares of the headroom, written and shown together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Group

from sissi.config.variants import VARIANTS, Variant
from sissi.evaluation.headroom import Shares
from sissi.results import agreement, class_table, headroom_table, table_1
from sissi.results.agreement import Agreement
from sissi.results.class_table import ClassRow
from sissi.results.next_steps import LoggedRuns
from sissi.results.scores import Row
from sissi.runtime.tables import TerminalTable


@dataclass(frozen=True)
class AblationResults:
    """Results of an ablation.

    Attributes:
        rows: rows of table 1.
        shares: shares of the headroom; empty if weak-only or the oracle has no scores.
        variants: variants of the rows by name.
        logged: runs in MLflow; None if they have none yet.
        agreements: how far the rows agree; only of an ablation without readers.
        counts: cells of each image by row; only of an ablation without readers.
        class_rows: scores of each class; only with several classes.
    """

    rows: Sequence[Row]
    shares: Shares
    variants: Mapping[str, Variant] = field(default_factory=lambda: VARIANTS)
    logged: LoggedRuns | None = None
    agreements: Sequence[Agreement] = ()
    counts: Sequence[Mapping[str, object]] = ()
    class_rows: Sequence[ClassRow] = ()

    def write(self, folder: Path) -> list[Path]:
        """Write table.csv, table.json and table.md; shares as headroom.csv and headroom.json; without readers also
        agreement.csv and counts.csv; with several classes classes.csv and classes.json.

        Returns:
            Paths of the files.
        """
        return [
            *table_1.write(self.rows, folder, self.as_markdown()),
            *headroom_table.write(self.shares, folder),
            *agreement.write(self.agreements, self.counts, folder),
            *class_table.write(self.class_rows, folder),
        ]

    def as_markdown(self) -> str:
        """All tables as Markdown."""
        more = (
            class_table.as_markdown(self.class_rows, self.variants),
            headroom_table.as_markdown(self.shares, self.variants),
            agreement.as_markdown(self.agreements, self.variants),
        )
        return "\n".join([table_1.as_markdown(self.rows, self.variants), *filter(None, more)])

    def as_rich(self) -> Group:
        """All tables for the terminal."""
        tables = [
            table_1.as_table(self.rows, self.variants),
            *class_table.as_tables(self.class_rows, self.variants),
        ]
        if self.shares:
            tables.append(headroom_table.as_table(self.shares, self.variants))
        if self.agreements:
            tables.append(agreement.as_table(self.agreements, self.variants))
        first, *others = map(TerminalTable, tables)
        return Group(first, *(part for table in others for part in ("", table)))

    @property
    def complete(self) -> bool:
        """Whether every variant has finished."""
        return all(row.status == "ok" for row in self.rows)
