"""A table as plain data, and as CSV, as Markdown, and for the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from sissi.runtime.csv_records import to_csv

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
        caption: what it shows, a sentence.
        header: a name for each column.
        rows: a cell for each column; the first is the row's name.
        data: the values for CSV and JSON where they are more than those of the cells.
        note: further sentences that explain the numbers.
        keys: how many columns on the left name a row.
        lines_after: indices of rows that a line separates from the next ones.
    """

    name: str
    caption: str
    header: list[str]
    rows: list[list[Cell]]
    data: list[dict[str, Value]] | None = None
    note: str = ""
    keys: int = 1
    lines_after: frozenset[int] = frozenset()

    @property
    def explanation(self) -> str:
        """Caption and note."""
        return f"{self.caption} {self.note}".rstrip()

    def records(self) -> list[dict[str, Value]]:
        """The values, a record a row."""
        if self.data is not None:
            return self.data
        return [dict(zip(self.header, (cell.value for cell in row), strict=True)) for row in self.rows]

    def holds_text(self, column: int) -> bool:
        """Whether a column is made of words and not of numbers."""
        return any(isinstance(row[column].value, str) for row in self.rows)


def as_csv(table: Table) -> str:
    """The values of a table at full precision, with a header line."""
    return to_csv(table.records(), None if table.records() else table.header)


def as_markdown(table: Table) -> str:
    """A table without its caption; numbers are aligned to the right."""
    lines = [table.header, ["---" if table.holds_text(column) else "---:" for column in range(len(table.header))]]
    lines += [[_markdown_cell(cell) for cell in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _markdown_cell(cell: Cell) -> str:
    text = cell.text.replace("|", "\\|").replace("\n", " ")
    return f"**{text}**" if cell.bold else text


@dataclass(frozen=True)
class TerminalTable:
    """A table for the terminal; one that is too wide is cut into several, each with the columns that name the rows."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = self.table
        yield Text(table.caption)
        if table.rows:
            yield from self._parts(console, options.max_width)
        if table.note:
            yield Text(table.note, "italic dim")

    def _parts(self, console: Console, width: int) -> list[RichTable]:
        """As few as fit the width, in characters."""
        keys = list(range(self.table.keys))
        parts, unlimited = [[*keys]], console.options.update_width(sys.maxsize)
        for column in range(self.table.keys, len(self.table.header)):
            wider = self._part([*parts[-1], column])
            if parts[-1] != keys and Measurement.get(console, unlimited, wider).maximum > width:
                parts.append([*keys])
            parts[-1].append(column)
        return [self._part(columns) for columns in parts]

    def _part(self, columns: Sequence[int]) -> RichTable:
        shown = RichTable(box=SIMPLE, padding=0, show_edge=False)
        for column in columns:
            words = self.table.holds_text(column)
            justify: JustifyMethod = "left" if words else "right"
            whole = column < self.table.keys or not words
            name = _in_lines(self.table.header[column], " ")
            shown.add_column(name, justify=justify, no_wrap=whole, overflow="fold")
        for index, row in enumerate(self.table.rows):
            cells = [Text(_in_lines(row[column].text), "bold" if row[column].bold else "") for column in columns]
            shown.add_row(*cells, end_section=index in self.table.lines_after)
        return shown


def _in_lines(text: str, *breaks: str) -> str:
    """A text in lines, so that its column is narrow: what says how sure a number is stands below it."""
    for mark in breaks or (" ±", " ["):
        text = text.replace(mark, "\n" + mark.strip())
    return text
