"""The documentation site: built without a warning, complete, without network, and searched and clicked by a reader."""

import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.main import get_command

from sissi.cli import app
from sissi.config import Experiment
from sissi.search.file import Search

for package in ("sphinx", "furo", "myst_nb", "mmdr"):
    pytest.importorskip(package, reason=f"{package} is not installed: pip install 'sissi[docs]'")
BeautifulSoup = pytest.importorskip("bs4").BeautifulSoup
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("documentation")
    line = next(line for line in Path("Makefile").read_text().splitlines() if "-m sphinx" in line)
    places = {"$(BIN)/python": sys.executable, "out/doctrees": folder / "doctrees", "out/site": folder / "site"}
    command = [str(places.get(word, word)) for word in line.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def pages(site):
    """Each page of the site by its path, parsed."""
    return {path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in site.rglob("*.html")}


def models(model, known):
    """The models of settings that a model holds, and itself."""
    if model not in known:
        known.add(model)
        waiting = [field.annotation for field in model.model_fields.values()]
        while waiting:
            annotation = waiting.pop()
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                models(annotation, known)
            waiting += typing.get_args(annotation)
    return known


def words(text):
    return " ".join(text.split())


def test_every_setting_is_in_the_reference_with_its_meaning(site, pages):
    tables = pages[site / "reference" / "settings.html"].find_all("table")
    shown = [[[words(cell.text) for cell in row.find_all("td")] for row in table.find_all("tr")] for table in tables]
    for model in models(Experiment, set()) | models(Search, set()):
        expected = {(name, words(field.description or "")) for name, field in model.model_fields.items()}
        plain = {(name, text.replace("`", "")) for name, text in expected}
        assert any(plain <= {(row[0], row[-1]) for row in table if row} for table in shown), model


def test_every_command_and_option_is_in_the_reference(site, pages):
    page = pages[site / "reference" / "commands.html"]
    sections = {words(section.h2.text).rstrip("#¶"): section for section in page.find_all("section") if section.h2}

    def check(command, name):
        for word, inner in getattr(command, "commands", {}).items():
            check(inner, f"{name} {word}")
        if not hasattr(command, "commands"):
            shown = words(sections[name].text)
            assert words(command.help).replace("`", "") in shown
            assert all(option in shown for one in command.params for option in one.opts if option.startswith("-"))

    check(get_command(app), "sissi")
    assert len(sections) > 20


def test_no_link_is_broken(site, pages):
    anchors = {path: {tag["id"] for tag in page.find_all(id=True)} for path, page in pages.items()}
    checked = 0
    for path, page in pages.items():
        for link in page.find_all("a", href=True):
            name, _, heading = link["href"].partition("#")
            if not re.match(r"[a-z]+:", link["href"]) and (name or heading):
                target = (path.parent / name).resolve() if name else path
                assert target.exists(), (path, link["href"])
                assert not heading or target.suffix != ".html" or heading in anchors[target], (path, link["href"])
                checked += 1
    assert checked > 1000


def test_every_page_of_the_repository_is_a_page_of_the_site(site, pages):
    known = {path.relative_to(site).with_suffix("") for path in pages}
    assert {path.relative_to("docs").with_suffix("") for path in Path("docs").rglob("*.md")} <= known


def test_a_reader_clicks_to_a_tutorial_and_searches_without_any_network(site, browser, screenshots):
    page = browser.new_page()
    asked, failed = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto((site / "index.html").as_uri())
    page.screenshot(path=screenshots / "site-start.png")
    page.get_by_role("link", name="For a microscopist").first.click()
    assert "microscopist" in page.locator("h1").inner_text()
    page.screenshot(path=screenshots / "site-tutorial.png")
    page.locator("input[name=q]").fill("trunk_threads")
    page.keyboard.press("Enter")
    hit = page.locator("#search-results").get_by_role("link", name="Settings", exact=True).first
    hit.wait_for()
    page.screenshot(path=screenshots / "site-search.png")
    hit.click()
    page.get_by_role("cell", name="trunk_threads").first.wait_for()
    page.screenshot(path=screenshots / "site-settings.png")
    page.goto((site / "architecture.html").as_uri())
    drawings = page.locator("img.drawing")
    assert drawings.count() == 3
    assert drawings.evaluate_all("all => all.every(one => one.complete && one.naturalWidth > 100)")
    page.screenshot(path=screenshots / "site-drawing.png")
    assert not failed and all(url.startswith(("file:", "data:")) for url in asked), asked
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.close()
