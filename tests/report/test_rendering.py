"""The same document as a page and as Markdown."""

from matplotlib.figure import Figure

from sissi.report.document import Code, Document, Picture, Section
from sissi.report.html import as_html
from sissi.report.markdown import as_markdown
from sissi.report.paper_table import PAPER, paper_table
from sissi.runtime.tables import Cell, Table

TABLE = Table("t", "A <table>", ["name", "AP"], [[Cell("a|b", "a|b"), Cell("1.5", 1.5, bold=True)]])
DOCUMENT = Document("A & B", ["<lead>"], [Section("One", ["text", TABLE, Code("x < y"), Picture("f", Figure(), "F")])])


def test_markdown():
    text = as_markdown(DOCUMENT)
    assert text.startswith("# A & B\n\n<lead>\n\n## One\n\ntext\n\nA <table>\n\n| name | AP |\n| --- | ---: |\n")
    assert "| a\\|b | **1.5** |" in text and "```\nx < y\n```" in text and "![F](figures/f.png)" in text


def test_a_page_escapes_what_it_is_given():
    page = as_html(DOCUMENT, {"f": (b"png", 300)})
    assert "<lead>" not in page and "&lt;lead&gt;" in page and "A &amp; B" in page and "A &lt;table&gt;" in page
    assert "<strong>1.5</strong>" in page and 'src="data:image/png;base64,cG5n"' in page and 'width="300"' in page


def test_words_stand_left_and_numbers_right():
    page = as_html(DOCUMENT, {"f": (b"", 1)})
    assert '<td class="text">a|b</td><td><strong>' in page


def test_the_paper_s_gain_over_baseline_is_the_one_it_claims():
    """Its headline: more than 15 points of AP and more than 20 of AR, for each reader."""
    gains = [best - base for best, base in zip(PAPER["a+sissi-s"], PAPER["baseline"], strict=True)]
    assert min(gains[2::4]) > 15 and min(gains[3::4]) > 20
    bold = [cell.text for row in paper_table().rows for cell in row if cell.bold]
    assert len(bold) == 12 and "60.3" in bold and "54.9" in bold
