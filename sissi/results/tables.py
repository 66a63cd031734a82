"""A table as plain data, and as CSV, as Markdown, and for the terminal."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from rich.box import SIMPLE
from rich.console import Group, JustifyMethod
from rich.table import Table as RichTable
from rich.text import Text

Value = float | int | str | None


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: as it is read.
        value: as CSV and JSON have it, at full precision; None where there is none.
        bold: whether it stands out.
    """

    text: str
    value: Value
    bold: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a name for its file.

    Attributes:
        name: of its CSV file, without suffix.
        caption: what it shows.
        header: a name for each column.
        rows: a cell for each column; the first is the row's name.
        data: the values for CSV and JSON where they are more than those of the cells.
    """

    name: str
    caption: str
    header: list[str]
    rows: list[list[Cell]]
    data: list[dict[str, Value]] | None = None

    def records(self) -> list[dict[str, Value]]:
        """The values, a record a row."""
        if self.data is not None:
            return self.data
        return [dict(zip(self.header, (cell.value for cell in row), strict=True)) for row in self.rows]

    def holds_text(self, column: int) -> bool:
        """Whether a column is made of words and not of numbers."""
        return any(isinstance(row[column].value, str) for row in self.rows)


def table_as_markdown(table: Table) -> str:
    """A table without its caption; numbers are aligned to the right."""
    lines = [table.header, ["---" if table.holds_text(column) else "---:" for column in range(len(table.header))]]
    lines += [[_cell(cell) for cell in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(cell: Cell) -> str:
    text = cell.text.replace("|", "\\|").replace("\n", " ")
    return f"**{text}**" if cell.bold else text


def as_csv(table: Table) -> str:
    """The values of a table at full precision, with a header line."""
    buffer = io.StringIO()
    records = table.records()
    writer = csv.DictWriter(buffer, list(records[0]) if records else table.header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return buffer.getvalue()


def as_rich(table: Table) -> Group:
    """A table under its caption, for the terminal."""
    shown = RichTable(box=SIMPLE, padding=0, show_edge=False)
    for column, name in enumerate(table.header):
        justify: JustifyMethod = "left" if table.holds_text(column) else "right"
        shown.add_column(name.replace(" ", "\n"), justify=justify, overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text(cell.text.replace(" ± ", "\n±"), "bold" if cell.bold else "") for cell in row))
    return Group(Text(f"{table.caption}."), shown if table.rows else "")
