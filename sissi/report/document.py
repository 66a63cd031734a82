"""What a report says, whatever it is written as: sections of texts, tables and figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sissi.results.tables import Table


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
