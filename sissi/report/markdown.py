"""A report as Markdown; its figures are files beside it."""

from __future__ import annotations

from sissi.report.document import Block, Cell, Code, Document, Picture, Table

FIGURES = "figures"
"""Folder of the figures, from the report."""


def as_markdown(document: Document) -> str:
    """The whole report."""
    parts = [f"# {document.title}", *document.lead]
    for section in document.sections:
        parts.append(f"## {section.title}")
        parts += map(_block, section.blocks)
    return "\n\n".join(parts) + "\n"


def table_as_markdown(table: Table) -> str:
    """A table without its caption; numbers are aligned to the right."""
    lines = [table.header, ["---" if table.holds_text(column) else "---:" for column in range(len(table.header))]]
    lines += [[_cell(cell) for cell in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _block(block: Block) -> str:
    if isinstance(block, Table):
        return f"{block.caption}\n\n{table_as_markdown(block)}"
    if isinstance(block, Picture):
        return f"![{block.caption}]({FIGURES}/{block.name}.png)\n\n{block.caption}"
    if isinstance(block, Code):
        return f"```\n{block.text.strip()}\n```"
    return block


def _cell(cell: Cell) -> str:
    text = cell.text.replace("|", "\\|").replace("\n", " ")
    return f"**{text}**" if cell.bold else text
