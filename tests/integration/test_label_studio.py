"""Label Studio itself: boxes of `sissi serve` are corrected on its page, and an ablation starts from them."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pytest

from sissi.results.snapshots import read_snapshot
from tests.integration.conftest import ROOT, sissi

pytestmark = pytest.mark.slow
LABEL_STUDIO = ROOT / ".venv/label-studio/bin/label-studio"
USER, PASSWORD, TOKEN = "person@example.org", "correcting", "0123456789abcdef0123456789abcdef01234567"
REGIONS = "() => Htx.annotationStore.selected.regions.map(one => ({id: one.cleanId, ...one.serialize().value}))"
SETTINGS = ("training.epochs=4", "early_learning.max_epochs=2", "tracking.overlays=0", "variants=[recipe]")
INTERFACE = re.search(r"```xml\n(.*?)```", (ROOT / "docs/label-formats.md").read_text(encoding="utf-8"), re.S)[1]
TIMEOUT = 300_000
"""Milliseconds that a step on the page may take."""
FEW = 3
"""Boxes that the detector finds in the image in which it finds the least."""


@pytest.fixture(scope="module")
def executable():
    found = os.environ.get("SISSI_LABEL_STUDIO") or shutil.which(LABEL_STUDIO) or shutil.which("label-studio")
    if found is None:
        pytest.skip("no label-studio: make test-label-studio installs it")
    return found


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder with the images and labels of a small ablation, its store, and what it suggests in `next`."""
    folder = tmp_path_factory.mktemp("lab")
    run(folder, "data", "demo", "demo", "--experiment", "smoke")
    run(folder, "ablation", "demo/experiment.yaml", *changes(*SETTINGS))
    run(folder, "suggest", "latest", "--out", "next", "-n", "2", "--no-views")
    return folder


def run(folder, *arguments):
    ended = sissi(*arguments, cwd=folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def changes(*settings):
    return [part for setting in settings for part in ("--set", setting)]


@contextmanager
def running(command, folder, sign, **environment):
    """A server, from the line that shows the sign on; gives what the sign found there."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if re.search(sign, line):
                break
        else:
            raise AssertionError("".join(lines))
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield re.search(sign, line)[0]
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def label_studio(executable, lab):
    """The address of a Label Studio that serves the images as local files."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [executable, "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    command += ["--data-dir", str(lab / "label-studio"), "--username", USER, "--password", PASSWORD]
    command += ["--user-token", TOKEN, "--enable-legacy-api-token"]
    with running(
        command,
        lab,
        "Starting development server",
        LABEL_STUDIO_USE_DEFAULT_BANNED_SUBNETS="false",
        LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED="true",
        LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT=str(lab / "demo"),
        COLLECT_ANALYTICS="false",
        LATEST_VERSION_CHECK="false",
        SENTRY_DSN="",
        FRONTEND_SENTRY_DSN="",
        PYTHONUNBUFFERED="1",
    ):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def backend(lab, label_studio):
    """The address of `sissi serve`, with few boxes an image."""
    run(lab, "predict", "latest", "demo/cell_lab", "--out", "found", "--score", "0")
    tasks = json.loads((lab / "next/labels/label_studio.json").read_text())
    found = read_snapshot(lab / "found/predictions.json").boxes
    score = min(sorted(found[task["data"]["name"]].scores.tolist())[-FEW] for task in tasks)
    score -= 1e-4  # scores of one image at a time are those of a batch but for rounding
    command = [str(Path(sys.executable).with_name("sissi")), "serve", "latest", "--images", "demo/cell_lab"]
    command += ["--port", "0", "--score", str(score), "--label-studio", label_studio]
    with running(command, lab, r"http://127\.0\.0\.1:\d+") as address:
        yield address


def asked(address, tree=None):
    """What Label Studio or the backend answers."""
    headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
    body = None if tree is None else json.dumps(tree).encode()
    with urlopen(Request(address, body, headers)) as answer:  # noqa: S310
        return json.loads(answer.read())


def corners(regions, size):
    """Boxes of regions in percent as left, top, width and height in px, sorted, shape (N, 4)."""
    height, width = size
    sides = [[one[key] for key in ("x", "y", "width", "height")] for one in regions]
    return in_order(np.array(sides).reshape(-1, 4) / 100 * (width, height, width, height))


def boxes_in(file, name):
    """Left, top, width and height in px of an image's boxes in a COCO file, sorted, shape (N, 4)."""
    tree = json.loads(file.read_text())
    [image] = [one["id"] for one in tree["images"] if one["file_name"] == name]
    return in_order(np.array([one["bbox"] for one in tree["annotations"] if one["image_id"] == image]).reshape(-1, 4))


def in_order(boxes):
    return boxes[np.lexsort(boxes.T.round(3))]


@pytest.fixture
def project(lab, label_studio, backend):
    """The number of a project with the interface of the documentation, the model, and the suggested tasks."""
    number = asked(f"{label_studio}/api/projects", {"title": "cells", "label_config": INTERFACE})["id"]
    images = {"project": number, "path": str(lab / "demo/cell_lab"), "use_blob_urls": True}
    asked(f"{label_studio}/api/storages/localfiles", images)
    asked(f"{label_studio}/api/ml", {"project": number, "url": backend, "title": "detector"})
    tasks = json.loads((lab / "next/labels/label_studio.json").read_text())
    asked(f"{label_studio}/api/projects/{number}/import", tasks)
    return number


@pytest.fixture
def page(browser, label_studio, project):
    """The page of the first task, for a person who has signed in; nothing but Label Studio is asked."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(TIMEOUT)
    context.route(lambda address: not address.startswith(label_studio), lambda route: route.abort())
    login = f"{label_studio}/user/login"
    context.request.get(login, timeout=TIMEOUT)
    [token] = [one["value"] for one in context.cookies() if one["name"] == "csrftoken"]
    form = {"email": USER, "password": PASSWORD, "csrfmiddlewaretoken": token}
    context.request.post(login, form=form, headers={"Referer": login}, max_redirects=0, timeout=TIMEOUT)
    page = context.new_page()
    page.goto(f"{label_studio}/projects/{project}/data?labeling=1", wait_until="commit")
    page.wait_for_function("window.Htx?.annotationStore?.selected?.regions.length > 0")
    yield page
    context.close()


def drag(page, start, end):
    """Drag from one point of the image to another, both in percent of it."""
    image = page.locator("img[alt=image]").bounding_box()
    for (x, y), button in ((start, page.mouse.down), (end, page.mouse.up)):
        page.mouse.move(image["x"] + x / 100 * image["width"], image["y"] + y / 100 * image["height"], steps=8)
        button()


def select(page, index):
    """Click on a region in the list."""
    page.locator(".lsf-outliner-item").nth(index).click()
    page.wait_for_function("Htx.annotationStore.selected.selectedRegions.length == 1")


def free(regions):
    """A point in percent of the image, in no region, where a drag begins a new one."""
    return next(
        (x, y)
        for x in range(5, 75, 5)
        for y in range(5, 80, 5)
        if not any(0 <= x - one["x"] <= one["width"] and 0 <= y - one["y"] <= one["height"] for one in regions)
    )


def test_boxes_arrive_on_the_page_are_corrected_there_and_the_next_ablation_starts_from_them(
    lab, label_studio, backend, project, page, screenshots
):
    name = page.evaluate("Htx.task.dataObj.name")
    size = read_snapshot(lab / "next/consensus.json").sizes[name]
    task = {"data": {"image": page.evaluate("Htx.task.dataObj.image")}}
    (given,) = asked(f"{backend}/predict", {"tasks": [task], "label_config": INTERFACE})["results"]
    assert len(given["result"]) >= FEW
    page.wait_for_function(f"Htx.annotationStore.selected.regions.length == {len(given['result'])}")
    before = page.evaluate(REGIONS)
    assert corners(before, size) == pytest.approx(corners([one["value"] for one in given["result"]], size), abs=1e-3)

    select(page, 0)
    page.keyboard.press("Backspace")
    page.wait_for_function(f"Htx.annotationStore.selected.regions.length == {len(before) - 1}")
    moved = page.evaluate(REGIONS)[0]
    select(page, 0)
    middle = moved["x"] + moved["width"] / 2, moved["y"] + moved["height"] / 2
    by = tuple(10 if one < 50 else -10 for one in middle)
    drag(page, middle, (middle[0] + by[0], middle[1] + by[1]))
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    x, y = free(page.evaluate(REGIONS))
    drag(page, (x, y), (x + 20, y + 15))
    page.wait_for_function(f"Htx.annotationStore.selected.regions.length == {len(before)}")
    after = {one["id"]: one for one in page.evaluate(REGIONS)}
    page.screenshot(path=screenshots / "label-studio.png")
    with page.expect_response(lambda answer: "/annotations" in answer.url and answer.request.method == "POST"):
        page.get_by_role("button", name="Submit current annotation").click()

    kept = {one["id"] for one in before} & set(after)
    assert len(kept) == len(before) - 1
    ends = after[moved["id"]]
    assert (ends["x"], ends["y"]) == pytest.approx((moved["x"] + by[0], moved["y"] + by[1]), abs=1)
    [added] = [one for key, one in after.items() if key not in kept]
    assert [added[key] for key in ("x", "y", "width", "height")] == pytest.approx((x, y, 20, 15), abs=1)

    export = asked(f"{label_studio}/api/projects/{project}/export?exportType=JSON")
    (lab / "export.json").write_text(json.dumps(export))
    options = ("--images", "demo/cell_lab", "--out", "corrected.json")
    assert "1 of them corrected" in run(lab, "data", "merge", "next/consensus.json", "export.json", *options)
    assert boxes_in(lab / "corrected.json", name) == pytest.approx(corners(after.values(), size), abs=1e-2)

    (lab / "names.txt").write_text("\n".join(read_snapshot(lab / "next/consensus.json").sizes))
    target = {"format": "coco", "images": "cell_lab"}
    target |= {"labels": str(lab / "corrected.json"), "names": str(lab / "names.txt")}
    settings = (*SETTINGS[:-1], "variants=[weak-only]")
    run(lab, "ablation", "demo/experiment.yaml", *changes(*settings, f"data.target_train={json.dumps(target)}"))
    run(lab, "labels", "latest", "--variant", "weak-only", "--epoch", "0", "--out", "started.json")
    assert boxes_in(lab / "started.json", name) == pytest.approx(corners(after.values(), size), abs=1e-2)
