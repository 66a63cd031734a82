"""Results of an ablation: table 1 and the shares of the headroom, written and shown together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Group

from sissi.config.variants import VARIANTS, Variant
from sissi.evaluation.headroom import Shares
from sissi.results import headroom_table, table_1
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
    """

    rows: Sequence[Row]
    shares: Shares
    variants: Mapping[str, Variant] = field(default_factory=lambda: VARIANTS)
    logged: LoggedRuns | None = None

    def write(self, folder: Path) -> list[Path]:
        """Write table.csv, table.json, table.md and, if there are shares, headroom.csv and headroom.json.

        Returns:
            Paths of the files.
        """
        return [*table_1.write(self.rows, folder, self.as_markdown()), *headroom_table.write(self.shares, folder)]

    def as_markdown(self) -> str:
        """Both tables as Markdown."""
        more = headroom_table.as_markdown(self.shares, self.variants)
        return "\n".join([table_1.as_markdown(self.rows, self.variants), *([more] if more else [])])

    def as_rich(self) -> Group:
        """Both tables for the terminal."""
        first = TerminalTable(table_1.as_table(self.rows, self.variants))
        if not self.shares:
            return Group(first)
        return Group(first, "", TerminalTable(headroom_table.as_table(self.shares, self.variants)))

    @property
    def complete(self) -> bool:
        """Whether every variant has finished."""
        return all(row.status == "ok" for row in self.rows)
