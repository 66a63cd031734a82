"""Report as one self-contained HTML page with style and images. Its template is page.html.j2."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined

from sissi.report.document import Code, Document, Picture
from sissi.runtime.tables import Table

DPI = 150
CSS_DPI = 100
"""Resolution of a figure on the page, in CSS px per inch, so that its text is about as large as that of the page."""


def as_html(document: Document, pictures: Mapping[str, tuple[bytes, int]]) -> str:
    """Report as HTML.

    Args:
        document: report.
        pictures: PNG file and width in CSS px of each figure by its name.
    """
    template = _environment().get_template("page.html.j2")
    return template.render(document=document, pictures=pictures) + "\n"


def as_png(picture: Picture) -> tuple[bytes, int]:
    """PNG file of a figure, and its width in CSS px."""
    buffer = io.BytesIO()
    picture.figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue(), round(picture.figure.get_figwidth() * CSS_DPI)


def _environment() -> Environment:
    """Jinja environment that escapes every text, with tests for the kinds of blocks."""
    environment = Environment(loader=PackageLoader("sissi.report", ""), autoescape=True, undefined=StrictUndefined)
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode("ascii")
    for name, kind in {"table": Table, "picture": Picture, "code": Code}.items():
        environment.tests[name] = lambda block, kind=kind: isinstance(block, kind)
    return environment
