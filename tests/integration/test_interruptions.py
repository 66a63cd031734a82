"""Whole commands that are killed, stopped, run twice at once, or lose a variant: nothing lost, nothing double."""

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sissi.tracking import open_store
from tests.integration.conftest import ROOT, sissi

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")]
KILLS = int(os.environ.get("SISSI_KILLS", "5"))
SMOKE = ROOT / "experiments/smoke.yaml"


@pytest.fixture(autouse=True)
def _no_server(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def begin(folder, *arguments):
    """The smoke ablation under way, in a process group of its own."""
    folder.mkdir(exist_ok=True)
    command = [str(Path(sys.executable).with_name("sissi")), "ablation", str(SMOKE), "--out", "out", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=folder, text=True, start_new_session=True, **pipes)


def finish(folder, *arguments):
    done = sissi("ablation", SMOKE, "--out", "out", *arguments, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read_until(process, wanted):
    """Its lines up to one with these words."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if wanted in line:
            return lines
    raise AssertionError("".join(lines))


def table(folder):
    return (folder / "out/table.csv").read_bytes()


def curves(folder):
    """Every point of every curve as it is stored, doubles included, and every picture; by run, without costs."""
    store = open_store(folder / "mlruns")
    parent = store.latest_ablation()
    seen = {}
    for run in store.children(parent.id):
        for key in run.metrics:
            if not key.startswith("cost/"):
                points = store._client.get_metric_history(run.id, key)
                seen[run.name, key] = sorted((point.step, point.value) for point in points)
        pictures = [file.path for file in store._client.list_artifacts(run.id, "images") if file.path.endswith("png")]
        seen[run.name, "pictures"] = Counter(path.split("+timestamp")[0] for path in pictures)
    return parent.status, seen


def children_of(pid):
    """Processes below a process, by /proc."""
    found, left = [], [pid]
    while left:
        one = left.pop()
        try:
            below = [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except OSError:
            continue
        found += below
        left += below
    return found


def test_an_ablation_that_is_killed_at_any_moment_ends_as_an_undisturbed_one(tmp_path, smoke_folder):
    moments, killed, folder = random.Random(2208), [], tmp_path / "killed"  # noqa: S311
    for _ in range(KILLS):
        process = begin(folder)
        lines = [process.stdout.readline() for _ in range(moments.choice([0, 1, 2, 2, 3, 4]))]
        try:
            process.wait(moments.uniform(0, 1.5) if lines else moments.uniform(0, 8))
            break
        except subprocess.TimeoutExpired:
            # the whole group as when the power goes, or the main process alone as when memory runs out
            (os.killpg if moments.random() < 0.5 else os.kill)(process.pid, signal.SIGKILL)
            process.wait()
            killed.append(lines[-1].strip() if lines else "at the start")
    finish(folder)
    assert table(folder) == table(smoke_folder), killed
    assert curves(folder) == curves(smoke_folder), killed
    assert len(open_store(folder / "mlruns").find_runs("smoke", "tags.`sissi.kind` = 'ablation'")) == 1
    (tmp_path / "killed.json").write_text(json.dumps(killed, indent=1))
    print(f"survived {len(killed)} kills: {killed}")


def test_ctrl_c_says_how_to_go_on_and_leaves_no_run_running(tmp_path, smoke_folder):
    process = begin(tmp_path)
    read_until(process, "epoch 5/6")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "the same command goes on from here" in told and "Traceback" not in told
    store = open_store(tmp_path / "mlruns")
    parent = store.latest_ablation()
    statuses = {run.name: run.status for run in [parent, *store.children(parent.id)]}
    assert statuses["trunk"] == "FINISHED" and "RUNNING" not in statuses.values() and "KILLED" in statuses.values()
    told = finish(tmp_path)
    assert "going on with the ablation" in told and "trunk: epoch" not in told
    assert table(tmp_path) == table(smoke_folder) and curves(tmp_path) == curves(smoke_folder)


def test_two_ablations_at_once_on_one_store_are_both_right(tmp_path, smoke_folder):
    first, second = begin(tmp_path), begin(tmp_path, "--out", "second")
    told = [process.communicate()[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), told
    assert table(tmp_path) == (tmp_path / "second/table.csv").read_bytes() == table(smoke_folder)
    store = open_store(tmp_path / "mlruns")
    for parent in store.find_runs("smoke", "tags.`sissi.kind` = 'ablation'"):
        assert len(store.children(parent.id)) == 9 and parent.status == "FINISHED"


def test_a_variant_that_dies_costs_the_others_nothing_and_is_made_up_for(tmp_path, smoke_folder):
    process = begin(tmp_path, "--set", "runtime.jobs=1")
    read_until(process, "sissi-s: epoch 4/6")
    server = [pid for pid in children_of(process.pid) if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    jobs = [pid for pid in server if set(children_of(process.pid)) >= set(children_of(pid)) and not children_of(pid)]
    os.kill(jobs[0], signal.SIGKILL)
    told, _ = process.communicate()
    assert process.returncode == 1 and "sissi-s (seed 0) failed: its process was ended by SIGKILL" in told
    assert "not every variant came to its end" in told and "Traceback" not in told
    assert table(tmp_path).count(b",ok\n") == 21 and (tmp_path / "out/table.md").read_text().count("| - |") >= 1
    told = finish(tmp_path, "--set", "runtime.jobs=1")
    assert "sissi-s: epoch" in told and "baseline: epoch" not in told
    assert table(tmp_path) == table(smoke_folder) and curves(tmp_path) == curves(smoke_folder)


def test_fresh_trains_everything_again_to_the_same_end(tmp_path, smoke_folder):
    arguments = ["--set", "variants=[plain-a]"]
    finish(tmp_path, *arguments)
    assert (
        "epoch" not in finish(tmp_path, *arguments).replace("epochs each", "").split("Table 1")[0].split("seed 0,")[0]
    )
    told = finish(tmp_path, *arguments, "--fresh")
    assert "trunk: epoch 1/6" in told and "plain-a: epoch 6/6" in told
    assert set(table(tmp_path).splitlines()) <= set(table(smoke_folder).splitlines())
