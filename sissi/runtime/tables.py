"""Tables as plain data, as CSV, as Markdown, and for the terminal."""

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
    """Cell of a table.

    Attributes:
        text: displayed text.
        value: value in CSV and JSON, at full precision; None for an empty cell.
        bold: whether the text is bold.
    """

    text: str
    value: Value
    bold: bool = False


def row_of(*values: Value) -> list[Cell]:
    """Cells of a row from plain values: texts, numbers, and None for what is not known."""
    return [Cell("-" if value is None else str(value), value) for value in values]


@dataclass(frozen=True)
class Table:
    """Table with a name for its file.

    Attributes:
        name: name of its CSV file, without suffix.
        caption: sentence about the content.
        header: name of each column.
        rows: cells of each row; the first cell is the name of the row.
        data: records for CSV and JSON, if they contain more than the cells.
        note: further sentences that explain the numbers.
        keys: number of columns on the left that name a row.
        lines_after: indices of the rows that are followed by a line.
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
        """Caption and note together."""
        return f"{self.caption} {self.note}".rstrip()

    def records(self) -> list[dict[str, Value]]:
        """Values, one record per row."""
        if self.data is not None:
            return self.data
        return [dict(zip(self.header, (cell.value for cell in row), strict=True)) for row in self.rows]

    def holds_text(self, column: int) -> bool:
        """Whether a column contains texts, not numbers."""
        return any(isinstance(row[column].value, str) for row in self.rows)


def as_csv(table: Table) -> str:
    """Values of a table as CSV at full precision, with a header line."""
    return to_csv(table.records(), None if table.records() else table.header)


def as_markdown(table: Table) -> str:
    """Table as Markdown without its caption; numbers are aligned to the right."""
    lines = [table.header, ["---" if table.holds_text(column) else "---:" for column in range(len(table.header))]]
    lines += [[_markdown_cell(cell) for cell in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _markdown_cell(cell: Cell) -> str:
    text = cell.text.replace("|", "\\|").replace("\n", " ")
    return f"**{text}**" if cell.bold else text


@dataclass(frozen=True)
class TerminalTable:
    """Table for the terminal; a table that is too wide is split, and each part has the columns that name the rows."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = self.table
        yield Text(table.caption)
        if table.rows:
            yield from self._parts(console, options.max_width)
        if table.note:
            yield Text(table.note, "italic dim")

    def _parts(self, console: Console, width: int) -> list[RichTable]:
        """Parts that fit the width, in characters, as few as possible."""
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
            name = self.table.header[column] if words else _in_lines(self.table.header[column], " ")
            shown.add_column(name, justify=justify, no_wrap=whole, overflow="fold")
        for index, row in enumerate(self.table.rows):
            texts = (row[one].text if self.table.holds_text(one) else _in_lines(row[one].text) for one in columns)
            cells = [Text(text, "bold" if row[one].bold else "") for one, text in zip(columns, texts, strict=True)]
            shown.add_row(*cells, end_section=index in self.table.lines_after)
        return shown


def _in_lines(text: str, *breaks: str) -> str:
    """Text with line breaks, so that its column is narrow: the uncertainty of a number is below the number."""
    for mark in breaks or (" ±", " ["):
        text = text.replace(mark, "\n" + mark.strip())
    return text
