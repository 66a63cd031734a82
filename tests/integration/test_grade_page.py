"""The page of graded wells in a real browser, and on paper."""

import json
import subprocess
import sys

import pandas as pd
import pytest
import torch

from sissi.config import Detector
from sissi.detector.model import build, save
from tests.integration.conftest import ROOT, sissi

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A drawn plate, graded by a detector that has learnt nothing."""
    folder = tmp_path_factory.mktemp("plate")
    size = ("--wells", "8", "--images", "2", "--validation", "12")
    script = [sys.executable, ROOT / "examples/draw_plate.py", "plate"]
    subprocess.run([*script, *size], cwd=folder, check=True)
    torch.manual_seed(0)
    names = ("alive", "inhibited", "dead")
    save(build(Detector(preset="small", detections_per_image=20), (160, 192), names), folder / "detector.pt")
    done = sissi(
        *("grade", "detector.pt", "plate/wells", "--layout", "plate/layout.csv", "--score", "0.03", "--overlays"),
        *("--validation", "plate/validation.json", "plate/validation", "--out", "graded"),
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    compared = subprocess.run([*script, "--graded", "graded"], cwd=folder, check=True, capture_output=True, text=True)
    assert compared.stdout.startswith("8 wells\n")
    return folder / "graded"


def test_the_page_shows_every_well_and_loads_nothing_from_elsewhere(graded, browser, screenshots):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    faults = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("request", lambda sent: faults.append(sent.url) if sent.url.startswith("http") else None)
    page.goto((graded / "index.html").as_uri())
    page.screenshot(path=screenshots / "grade.png", full_page=True)
    assert "It is no medical device" in page.locator("header").inner_text()
    wells = pd.read_csv(graded / "grades.csv").query("level == 'well'")
    assert page.locator("#wells tbody tr").count() == len(wells) == 8
    widths = page.eval_on_selector_all("img", "images => images.map(image => image.naturalWidth)")
    assert len(widths) == len(list((graded / "pictures").iterdir())) and min(widths) > 0
    assert page.evaluate("document.documentElement.scrollWidth") == 1280
    page.emulate_media(media="print")
    paper = page.eval_on_selector_all("img", "all => all.map(one => one.getBoundingClientRect().right)")
    assert max(paper) <= 1280 and not page.locator("nav").is_visible()
    assert page.pdf().startswith(b"%PDF")
    page.close()
    assert faults == []


def test_the_detector_s_errors_are_those_on_the_validation_images(graded):
    content = json.loads((graded / "confusion.json").read_text())
    truth = json.loads((graded.parent / "plate/validation.json").read_text())
    counts = [image["counts"] for image in content["detectors"][0]["images"]]
    assert len(counts) == 12 == len(truth["images"])
    assert sum(sum(map(sum, image[:3])) for image in counts) == len(truth["annotations"])
