"""Report as one self-contained HTML page with style and images. Its template is page.html.j2."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined

from sissi.report.document import Code, Document, Picture
from sissi.runtime.tables import Table


def as_html(document: Document, pictures: Mapping[str, tuple[bytes, int]]) -> str:
    """Report as HTML.

    Args:
        document: report.
        pictures: PNG file and width in CSS px of each figure by its name.
    """
    template = _environment().get_template("page.html.j2")
    return template.render(document=document, pictures=pictures) + "\n"


def _environment() -> Environment:
    """Jinja environment that escapes every text, with tests for the kinds of blocks."""
    environment = Environment(loader=PackageLoader("sissi.report", ""), autoescape=True, undefined=StrictUndefined)
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode("ascii")
    for name, kind in {"table": Table, "picture": Picture, "code": Code}.items():
        environment.tests[name] = lambda block, kind=kind: isinstance(block, kind)
    return environment
