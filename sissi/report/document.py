"""Content of a report, independent of the output format: sections of texts, tables and figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sissi.runtime.tables import Table


@dataclass(frozen=True, eq=False)
class Picture:
    """Figure with a name for its file.

    Attributes:
        name: name of its PNG file, without suffix.
        figure: matplotlib figure.
        caption: caption of the figure.
    """

    name: str
    figure: Any
    caption: str


@dataclass(frozen=True)
class Code:
    """Verbatim text, such as a command."""

    text: str


Block = str | Table | Picture | Code
"""Block of a section; a str is a paragraph of plain text."""


@dataclass
class Section:
    """Section of a report with a heading."""

    title: str
    blocks: list[Block] = field(default_factory=list)


@dataclass
class Document:
    """Report.

    Attributes:
        title: title of the report.
        lead: sentences at the top.
        sections: sections in order.
    """

    title: str
    lead: list[str]
    sections: list[Section]

    def tables(self) -> list[Table]:
        """All tables, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Table)]

    def pictures(self) -> list[Picture]:
        """All figures, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Picture)]
