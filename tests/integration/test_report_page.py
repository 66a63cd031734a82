"""The report of a real ablation in a real browser."""

import json

import pytest

from tests.integration.conftest import sissi

pytestmark = pytest.mark.slow

WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def report(smoke_folder):
    done = sissi("report", "latest", "--out", "report", cwd=smoke_folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == "report/index.html"
    return smoke_folder / "report"


@pytest.fixture(params=WIDTHS)
def page(request, browser, report, screenshots):
    """The report at a width; what its console says is an error, and so is any request."""
    opened = browser.new_page(viewport={"width": request.param, "height": 900})
    faults = []
    opened.on("console", lambda message: faults.append(message.text))
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("request", lambda sent: faults.append(sent.url) if sent.url.startswith("http") else None)
    opened.goto((report / "index.html").as_uri())
    yield opened
    opened.screenshot(path=screenshots / f"report_{request.param}.png", full_page=True)
    opened.close()
    assert faults == []


def test_every_image_loads(page, report):
    widths = page.eval_on_selector_all("img", "images => images.map(image => image.naturalWidth)")
    assert len(widths) == len(list((report / "figures").iterdir())) and min(widths) > 0


def test_the_page_is_as_wide_as_the_window_and_wide_parts_scroll_inside(page):
    inside = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") == inside
    wide = page.eval_on_selector_all(
        "table, img, pre", "all => all.filter(one => !one.closest('.scroll')).map(one => one.outerHTML.slice(0, 80))"
    )
    assert wide == []
    boxes = page.eval_on_selector_all(".scroll", "all => all.map(one => one.getBoundingClientRect().right)")
    assert max(boxes) <= inside


def test_text_is_large_enough_to_be_read(page):
    sizes = page.eval_on_selector_all(
        "p, td, th, figcaption, pre, li", "all => all.map(one => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert min(sizes) >= 12
    shrunk = page.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth / one.clientWidth)")
    assert max(shrunk) < 2  # figures keep their size and scroll, so that their text does not shrink


def test_the_page_shows_the_table_of_the_run_the_paper_s_and_every_part(page, report):
    headings = page.locator("h2").all_inner_texts()
    content = json.loads((report / "report.json").read_text())
    assert headings == [section["title"] for section in content["sections"]]
    for number in range(len(headings)):
        page.locator(f'nav a[href="#part-{number}"]').click()
        assert page.locator(f"#part-{number} h2").is_visible()
    rows = page.locator("#table_1 tbody tr")
    assert rows.count() == 8 and page.locator("#table_1_of_the_paper tbody tr").count() == 6
    assert "One seed (0)" in page.locator("main").inner_text()


def test_two_ablations_are_compared_from_the_command_line(smoke_folder, report):
    run = json.loads((report / "report.json").read_text())["run"]
    done = sissi("compare", "latest", run, "--out", "both", cwd=smoke_folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The settings are the same" in done.stdout and run in done.stdout
    assert (smoke_folder / "both" / "compare.md").read_text().count("| Baseline |") == 4  # table 1, and the headroom
