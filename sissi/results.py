"""What an ablation comes to: table 1, and the shares of the headroom; written and shown together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group

from sissi import headroom_table, table
from sissi.headroom import Shares
from sissi.table import Row


@dataclass(frozen=True)
class Results:
    """The results of an ablation.

    Attributes:
        rows: of table 1.
        shares: of the headroom; empty where weak-only or the oracle has no scores.
    """

    rows: Sequence[Row]
    shares: Shares

    def write(self, folder: Path) -> list[Path]:
        """Write table.csv, table.json, table.md and, where there are shares, headroom.csv and headroom.json."""
        more = headroom_table.as_markdown(self.shares)
        return [*table.write(self.rows, folder, more), *headroom_table.write(self.shares, folder)]

    def as_rich(self) -> Group:
        """Both tables for the terminal."""
        first = table.as_rich(self.rows)
        return Group(first, "", headroom_table.as_rich(self.shares)) if self.shares else Group(first)

    @property
    def complete(self) -> bool:
        """Whether every variant came to its end."""
        return all(row.status == "ok" for row in self.rows)
