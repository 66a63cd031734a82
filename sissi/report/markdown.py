"""Report as Markdown, with figures in separate files."""

from __future__ import annotations

from sissi.report.document import Block, Code, Document, Picture
from sissi.runtime import tables
from sissi.runtime.tables import Table

FIGURES = "figures"
"""Folder of the figures, relative to the report."""


def as_markdown(document: Document) -> str:
    """Report as Markdown."""
    parts = [f"# {document.title}", *document.lead]
    for section in document.sections:
        parts.append(f"## {section.title}")
        parts += map(_block, section.blocks)
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    if isinstance(block, Table):
        return f"{block.explanation}\n\n{tables.as_markdown(block)}"
    if isinstance(block, Picture):
        return f"![{block.caption}]({FIGURES}/{block.name}.png)\n\n{block.caption}"
    if isinstance(block, Code):
        return f"```\n{block.text.strip()}\n```"
    return block
