"""Configuration of the documentation site: `make docs` builds it with Sphinx, without network, to out/site.

The pages are ordinary Markdown that is readable in the repository. What a site needs beyond that is added to their text
while they are read: the contents of the two reference pages, made from the code, and the table of contents, made from
the lists of the start page. Drawings in Mermaid become SVG.
"""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path
from typing import Any

import mmdr
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import sissi

sys.path.insert(0, str(Path(__file__).parent))
from reference import commands, settings

project = "sissi"
release = version = sissi.__version__
copyright = "the authors of sissi; MIT licence"

extensions = ["myst_nb"]
exclude_patterns = ["**/__pycache__"]
nb_execution_mode = "off"  # a test runs the notebook; the site shows what is stored in it
smartquotes = False  # --option stays so
myst_heading_anchors = 4  # as GitHub has them
myst_fence_as_directive = ["mermaid"]
suppress_warnings = ["misc.highlighting_failure"]  # blocks that quote half a line

html_theme = "furo"
html_title = "sissi"
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
html_show_search_summary = False  # a browser shows no parts of other files without a server
html_static_path = ["site.css"]
html_css_files = ["site.css"]

GENERATED = {"reference/settings": settings.markdown, "reference/commands": commands.markdown}
"""What is added to a page, by its name."""
START = "index"
DOCS = Path(__file__).parent


def table_of_contents(page: str) -> str:
    """The pages that a start page links to, as hidden directives of Sphinx, one for each of its headings."""
    parts = []
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        caption, _, text = section.partition("\n")
        pages = "\n".join(dict.fromkeys(re.findall(r"]\(([\w/-]+\.(?:md|ipynb))\)", text)))
        if pages:
            parts.append(f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```\n")
    return "\n".join(parts)


def with_copies(page: str, folder: Path) -> str:
    """A page whose links to files of the project outside of docs lead to copies of these."""

    def link(found: re.Match[str]) -> str:
        inside = (folder / found[1]).resolve().is_relative_to(DOCS)
        return found[0] if inside else f"](path:{found[1]})"

    return re.sub(r"]\((\.\./[^)#]+)\)", link, page)


def complete(app: Sphinx, name: str, source: list[str]) -> None:
    """Add to a page what is made when the site is built."""
    source[0] = with_copies(source[0], (DOCS / name).parent)
    if name in GENERATED:
        source[0] += "\n" + GENERATED[name]()
    elif name == START:
        source[0] += "\n" + table_of_contents(source[0])


class Mermaid(SphinxDirective):
    """A drawing in Mermaid, as SVG within the page."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """An image whose alternative text is the drawing's own text."""
        text = "\n".join(self.content)
        svg = mmdr.render(text).svg()
        width, height = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', svg).groups()
        svg = svg.replace('width="100%"', f'width="{width}" height="{height}"', 1)  # its own size, not that of the page
        data = base64.b64encode(svg.encode()).decode()
        return [nodes.image(uri=f"data:image/svg+xml;base64,{data}", alt=text, classes=["drawing"])]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what this file adds to Sphinx."""
    app.add_directive("mermaid", Mermaid)
    app.connect("source-read", complete)
    return {"parallel_read_safe": True}
