"""A report as one page that needs nothing else: style and images are inside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape

from sissi.report.document import Block, Code, Document, Picture
from sissi.results.tables import Cell, Table

STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; }
h1 { font-size: 1.6rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-top: 1px solid #ccc; padding-top: 1rem; }
p, li, figcaption { max-width: 46rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .875rem; margin: .5rem 0; }
th, td { padding: .25rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #e2e2e2; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #fff; }
.text { text-align: left; }
td.text { white-space: normal; min-width: 7rem; }
thead th { border-bottom: 2px solid #555; }
caption, figcaption { text-align: left; color: #555; font-size: .875rem; }
figure { margin: 1.5rem 0; }
figure img { display: block; max-width: none; height: auto; }
pre { background: #f5f5f5; padding: .8rem; font-size: .8125rem; margin: .5rem 0; }
nav ul { padding-left: 1.2rem; columns: 18rem; }
a { color: #0050a0; }
"""


def as_html(document: Document, pictures: Mapping[str, tuple[bytes, int]]) -> str:
    """The whole report.

    Args:
        document: the report.
        pictures: PNG file and width in CSS px of each figure by its name.
    """
    contents = "".join(
        f'<li><a href="#part-{number}">{escape(section.title)}</a></li>'
        for number, section in enumerate(document.sections)
    )
    parts = [
        f'<section id="part-{number}"><h2>{escape(section.title)}</h2>\n'
        + "\n".join(_block(block, pictures) for block in section.blocks)
        + "</section>"
        for number, section in enumerate(document.sections)
    ]
    lead = "".join(f"<p>{escape(sentence)}</p>" for sentence in document.lead)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(document.title)}</title><style>{STYLE}</style></head>\n<body>\n"
        f"<header><h1>{escape(document.title)}</h1>{lead}</header>\n"
        f"<nav><ul>{contents}</ul></nav>\n<main>\n" + "\n".join(parts) + "\n</main></body></html>\n"
    )


def _block(block: Block, pictures: Mapping[str, tuple[bytes, int]]) -> str:
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Picture):
        return _picture(block, *pictures[block.name])
    if isinstance(block, Code):
        return f'<div class="scroll"><pre>{escape(block.text.strip())}</pre></div>'
    return f"<p>{escape(block)}</p>"


def _table(table: Table) -> str:
    kinds = [' class="text"' if table.holds_text(column) else "" for column in range(len(table.header))]
    head = "".join(f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(table.header, kinds, strict=True))
    body = "".join(f"<tr>{''.join(map(_cell, row, kinds))}</tr>" for row in table.rows)
    return (
        f"<p><small>{escape(table.caption)}</small></p>"
        f'<div class="scroll" tabindex="0"><table id="{escape(table.name)}">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(cell: Cell, kind: str) -> str:
    text = f"<strong>{escape(cell.text)}</strong>" if cell.bold else escape(cell.text)
    return f"<td{kind}>{text}</td>"


def _picture(picture: Picture, png: bytes, width: int) -> str:
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<figure id="{escape(picture.name)}"><div class="scroll" tabindex="0">'
        f'<img width="{width}" alt="{escape(picture.caption)}" src="data:image/png;base64,{data}"></div>'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )
