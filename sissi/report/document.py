"""What a report says, whatever it is written as: sections of texts, tables and figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with a name for its file.

    Attributes:
        name: of its PNG file, without suffix.
        figure: of matplotlib.
        caption: what it shows.
    """

    name: str
    figure: Any
    caption: str


@dataclass(frozen=True)
class Code:
    """Text that is to be copied as it is, such as a command."""

    text: str


Block = str | Table | Picture | Code
"""A str is a paragraph of plain text."""


@dataclass
class Section:
    """A part of a report under a heading."""

    title: str
    blocks: list[Block] = field(default_factory=list)


@dataclass
class Document:
    """A report.

    Attributes:
        title: of the whole.
        lead: sentences at its top.
        sections: its parts, in order.
    """

    title: str
    lead: list[str]
    sections: list[Section]

    def tables(self) -> list[Table]:
        """All of them, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Table)]

    def pictures(self) -> list[Picture]:
        """All of them, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Picture)]
