"""What a user sees of an ablation in MLflow's own pages, in a real browser on the real server."""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from urllib.parse import quote

import pytest

from sissi.config.variants import DEFAULT
from sissi.tracking import open_store

pytestmark = pytest.mark.slow

PATIENCE = 60_000
"""Milliseconds that a page may take on a busy machine."""


@pytest.fixture(scope="module")
def address(smoke_folder):
    """The address of an MLflow server on the store of the smoke ablation, started as `make ui` does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = smoke_folder / "mlruns"
    command = [
        str(Path(sys.executable).with_name("mlflow")), "server",
        "--backend-store-uri", f"sqlite:///{store}/mlflow.db", "--artifacts-destination", str(store / "artifacts"),
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    log = (smoke_folder / "server.log").open("w")
    server = subprocess.Popen(command, env={**os.environ, **quiet}, stdout=log, stderr=subprocess.STDOUT)
    try:
        _await(server, f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}/#"
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def _await(server, url, tries=300):
    """Until the server answers; one that dies ends the wait at once."""
    for _ in range(tries):
        try:
            urllib.request.urlopen(url, timeout=5)  # noqa: S310 -- our own server
            return
        except OSError:
            try:
                server.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
            break
    pytest.fail("the MLflow server does not answer")


@pytest.fixture(scope="module")
def store(smoke_folder):
    return open_store(smoke_folder / "mlruns")


@pytest.fixture(scope="module")
def ablation(store):
    return store.latest_ablation()


@pytest.fixture(scope="module")
def runs(store, ablation):
    return {run.name: run for run in store.children(ablation.id)}


@pytest.fixture
def page(browser, request, screenshots):
    opened = browser.new_page(viewport={"width": 1400, "height": 1000})
    opened.set_default_timeout(PATIENCE)
    yield opened
    opened.screenshot(path=screenshots / f"mlflow_{request.node.name.removeprefix('test_')}.png")
    opened.close()


def _open(page, address, place):
    """Go to a place, and close the panel of MLflow's assistant, which covers a third of the page."""
    page.goto(f"{address}/{place}")
    page.get_by_role("button", name="Close", exact=True).last.click()


def _children(page, address):
    """The list of runs with those of the ablation unfolded."""
    _open(page, address, "experiments/1/runs")
    page.get_by_role("link", name="ablation smoke").wait_for()
    cell = page.locator("[role=gridcell]").filter(has_text="ablation smoke").last
    cell.locator("button, [role=button]").first.click()
    page.get_by_role("link", name="trunk", exact=True).wait_for()


def _charts(page, address):
    _children(page, address)
    page.locator("label").filter(has=page.locator("input[value=CHART]")).click()
    page.get_by_placeholder("Search metric charts").wait_for()


def _run(page, address, run, tab):
    _open(page, address, f"experiments/1/runs/{run.id}/{tab}")
    page.get_by_role("heading", name=run.name, exact=True).wait_for()


def _scroll_to(page, group):
    """Bring a group of one chart into view: MLflow draws the charts that can be seen."""
    page.get_by_text(re.compile(rf"^{group}\s*\(1\)$")).first.scroll_into_view_if_needed()


def test_run_list_shows_the_ablation_with_its_children(page, address):
    _children(page, address)
    for name in ("trunk", *DEFAULT):
        assert page.get_by_role("link", name=name, exact=True).is_visible()


def test_charts_are_grouped_by_reader_and_show_all_variants(page, address, runs):
    _charts(page, address)
    keys = {key for run in runs.values() for key in run.metrics}
    groups = Counter(key.split("/")[0] for key in keys)  # a share of the headroom is there where there is a headroom
    assert min(groups[f"reader_{number}"] for number in (1, 2, 3)) >= 5 and groups["labels"] == 5
    for group in ("reader_1", "reader_2", "reader_3", "labels", "weak_labels"):
        count = groups[group]
        page.get_by_text(re.compile(rf"^{group}\s*\({count}\)$")).first.wait_for(state="attached")
    page.get_by_placeholder("Search metric charts").fill("labels/recall")
    legend = page.get_by_text("a+sissi-s (labels/recall)").first
    legend.scroll_into_view_if_needed()
    assert legend.is_visible()


def test_compare_view_has_a_column_for_each_variant_and_a_row_for_each_metric(page, address, runs):
    variants = [run for name, run in runs.items() if name != "trunk"]  # the page shows the metrics that all have
    ids = quote(json.dumps([run.id for run in variants]))
    _open(page, address, f"compare-runs?runs={ids}&experiments={quote(json.dumps(['1']))}")
    page.get_by_text(f"Comparing {len(variants)} Runs from 1 Experiment").wait_for()
    for name in DEFAULT:
        page.get_by_text(name, exact=True).first.wait_for()
    for reader in (1, 2):
        for metric in ("AP50", "AP75", "AP", "AR"):
            row = page.get_by_text(f"reader_{reader}/{metric}", exact=True).first
            row.wait_for(state="attached")
            row.scroll_into_view_if_needed()  # the page draws the rows near the window only


def test_curves_of_a_run_have_a_point_for_each_epoch(page, address, runs):
    _run(page, address, runs["trunk"], "model-metrics")
    page.get_by_placeholder("Search metric charts").fill("weak_labels/AP50")
    _scroll_to(page, "weak_labels")
    page.get_by_text("trunk (weak_labels/AP50)").first.scroll_into_view_if_needed()
    points = page.locator(".js-plotly-plot path.point")
    points.first.wait_for()
    assert points.count() == 4


def test_pseudo_label_pictures_have_a_step_slider(page, address, runs):
    run = runs["a+sissi-s"]
    _run(page, address, run, "model-metrics")
    _scroll_to(page, "pseudo_labels/alive")
    slider = page.get_by_role("slider").first
    slider.wait_for()
    first, last = int(run.params["start_epoch"]) + 1, 6
    assert (slider.get_attribute("aria-valuemin"), slider.get_attribute("aria-valuemax")) == (str(first), str(last))
    slider.press("ArrowRight")
    page.locator(f'[role=slider][aria-valuenow="{first}"]').first.wait_for()
    page.locator("img").first.wait_for(state="attached")
    before = page.eval_on_selector_all("img", "all => all.map(one => one.src)")
    slider.press("ArrowRight")
    page.locator(f'[role=slider][aria-valuenow="{last}"]').first.wait_for()
    page.wait_for_function("shown => [...document.images].some(one => one.src && !shown.includes(one.src))", arg=before)
    page.wait_for_function("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
    page.locator("img").first.scroll_into_view_if_needed()


def test_tables_are_shown_as_tables(page, address, ablation):
    _open(page, address, f"experiments/1/runs/{ablation.id}/artifacts/table_1.json")
    page.get_by_text("AR_dense").first.wait_for()
    text = page.locator("body").inner_text()
    assert "start_epoch" in text and all(name in text for name in ("baseline", "sissi-w", "sissi-s"))
