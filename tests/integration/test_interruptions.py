"""Whole commands that are killed, stopped, run twice at once, or lose a variant: nothing lost, nothing double."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sissi.tracking import open_store
from tests.integration.smoke import ROWS, assert_ends_as, begin, children_of, finish, read_until, table
from tests.runtime.test_watchdog import await_end, watchdogs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]
KILLS = int(os.environ.get("SISSI_KILLS", "20"))


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
    print(f"survived {len(killed)} kills: {killed}")
    assert_ends_as(folder, smoke_folder)
    assert len(open_store(folder / "mlruns").find_runs("smoke", "tags.`sissi.kind` = 'ablation'")) == 1


@pytest.mark.parametrize(("end", "number"), [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)])
def test_ctrl_c_and_a_polite_kill_say_how_to_go_on_and_leave_no_run_running(tmp_path, smoke_folder, end, number):
    process = begin(tmp_path)
    read_until(process, "epoch 5/6")
    end(process.pid, number)  # Ctrl-C reaches the whole group, a batch system's request the command alone
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "the same command continues from here" in told and "Traceback" not in told
    store = open_store(tmp_path / "mlruns")
    parent = store.latest_ablation()
    statuses = {run.name: run.status for run in [parent, *store.children(parent.id)]}
    assert statuses["trunk"] == "FINISHED" and "RUNNING" not in statuses.values() and "KILLED" in statuses.values()
    told = finish(tmp_path)
    assert "continuing the interrupted ablation" in told and "trunk: epoch" not in told
    assert_ends_as(tmp_path, smoke_folder)


def test_an_ablation_that_is_shot_leaves_no_run_running_though_nobody_comes_after_it(tmp_path):
    process = begin(tmp_path)
    read_until(process, "epoch 5/6")
    [watchdog] = watchdogs(tmp_path)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    await_end(watchdog)
    store = open_store(tmp_path / "mlruns")
    parent = store.latest_ablation()
    statuses = {run.name: run.status for run in [parent, *store.children(parent.id)]}
    assert statuses.pop("trunk") == "FINISHED"
    assert parent.status == "KILLED" and set(statuses.values()) <= {"KILLED", "FINISHED"}


def test_two_ablations_at_once_on_one_store_are_both_right(tmp_path, smoke_folder):
    first, second = begin(tmp_path), begin(tmp_path, "--out", "second")
    told = [process.communicate()[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), told
    assert_ends_as(tmp_path, smoke_folder)
    assert table(tmp_path) == (tmp_path / "second/table.csv").read_bytes()
    store = open_store(tmp_path / "mlruns")
    for parent in store.find_runs("smoke", "tags.`sissi.kind` = 'ablation'"):
        assert len(store.children(parent.id)) == 1 + len(ROWS) and parent.status == "FINISHED"


def test_a_variant_that_dies_costs_the_others_nothing_and_is_made_up_for(tmp_path, smoke_folder):
    process = begin(tmp_path, "--set", "runtime.jobs=1")
    read_until(process, "sissi-s: epoch 4/6")
    server = [pid for pid in children_of(process.pid) if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    jobs = [pid for pid in server if set(children_of(process.pid)) >= set(children_of(pid)) and not children_of(pid)]
    os.kill(jobs[0], signal.SIGKILL)
    told, _ = process.communicate()
    assert process.returncode == 1 and "sissi-s (seed 0) failed: its process was ended by SIGKILL" in told
    assert "not every variant came to its end" in told and "Traceback" not in told
    assert table(tmp_path).count(b",ok\n") == 3 * (len(ROWS) - 1)
    assert "| - |" in (tmp_path / "out/table.md").read_text()
    told = finish(tmp_path, "--set", "runtime.jobs=1")
    assert "sissi-s: epoch" in told and "baseline: epoch" not in told
    assert_ends_as(tmp_path, smoke_folder)


def test_fresh_trains_everything_again_to_the_same_end(tmp_path, smoke_folder):
    arguments = ["--set", "variants=[plain-a]"]
    finish(tmp_path, *arguments)
    assert (
        "epoch" not in finish(tmp_path, *arguments).replace("epochs each", "").split("Table 1")[0].split("seed 0,")[0]
    )
    told = finish(tmp_path, *arguments, "--fresh")
    assert "trunk: epoch 1/6" in told and "plain-a: epoch 6/6" in told
    assert set(table(tmp_path).splitlines()) <= set(table(smoke_folder).splitlines())
