"""Commands that are killed: a process that stays behind marks their runs, and no other process does."""

import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from sissi.tracking import open_session, open_store, stop_abandoned
from sissi.tracking.session import TIMEOUT
from tests.tracking.servers import Server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
WORK = """
import pathlib, sys
from sissi.tracking import open_session
with open_session(pathlib.Path(sys.argv[1]), "key", offline=False, fresh=False, notify=print) as recording:
    with recording.run("demo", "one") as run, recording.run("demo", "two") as other:
        other.end("FINISHED")
        while other.status == "FINISHED" and (recording.run_id(run) is None or recording._uploader.waiting):
            recording.deliver()
        print("delivered", flush=True)
        sys.stdin.read()
"""


def begin(folder):
    """A command at work in a process group of its own, with a run that runs and one that is over."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", WORK, str(folder)], text=True, start_new_session=True, **pipes)
    assert process.stdout.readline() == "delivered\n"
    return process


def watchdogs(folder):
    """The processes that watch over commands in a folder of tracking."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:  # it has just ended
            continue
        if b"from sissi.runtime.watchdog import watch; watch()" in words and str(folder) in b" ".join(words).decode():
            found.append(int(path.parent.name))
    return found


def await_end(pid):
    """Wait for a process that is not our child."""
    descriptor = os.pidfd_open(pid)
    try:
        assert select.select([descriptor], [], [], 120)[0], f"process {pid} does not end"
    finally:
        os.close(descriptor)


def statuses(folder):
    return {run.name: run.status for run in open_store(folder).find_runs("demo")}


@pytest.fixture(params=["sqlite", pytest.param("server", marks=pytest.mark.slow)])
def folder(request, tmp_path, monkeypatch):
    """A folder of tracking, whose store is a file in it or a server."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    server = Server(tmp_path / "server")
    if request.param == "server":
        server.start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
    yield tmp_path
    server.stop()


@pytest.mark.parametrize("shoot", [os.kill, os.killpg])
def test_the_runs_of_a_command_that_is_shot_are_killed_without_another_command(folder, shoot):
    process = begin(folder)
    [watchdog] = watchdogs(folder)
    assert statuses(folder) == {"one": "RUNNING", "two": "FINISHED"}
    shoot(process.pid, signal.SIGKILL)
    process.wait()
    await_end(watchdog)
    assert statuses(folder) == {"one": "KILLED", "two": "FINISHED"}
    assert not list(folder.glob("recordings/*/*.marking"))


def test_a_watchdog_is_small_and_goes_with_its_command(tmp_path):
    process = begin(tmp_path)
    [watchdog] = watchdogs(tmp_path)
    status = Path(f"/proc/{watchdog}/status").read_text().splitlines()
    [memory] = [int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS")]
    assert memory < 40, "MB"
    mapped = Path(f"/proc/{watchdog}/maps").read_text()
    assert "torch" not in mapped and "sqlite" not in mapped
    process.communicate()
    assert process.returncode == 0 and not watchdogs(tmp_path)
    assert statuses(tmp_path) == {"one": "FINISHED", "two": "FINISHED"}


def opened(folder):
    return open_session(folder, "key", offline=False, fresh=False, notify=print)


def test_a_watchdog_leaves_the_runs_to_a_command_that_has_taken_over(tmp_path, monkeypatch):
    monkeypatch.setattr("sissi.tracking.session.SHORT_TIMEOUT", 0.1)
    with opened(tmp_path) as recording, recording.run("demo", "one") as run:
        stop_abandoned(tmp_path, recording.folder)
        assert run.status == "RUNNING"
    stop_abandoned(tmp_path, recording.folder)
    assert statuses(tmp_path) == {"one": "FINISHED"}


def test_a_command_waits_for_the_watchdog_and_goes_on_in_the_same_runs(tmp_path, monkeypatch):
    process = begin(tmp_path)
    [watchdog] = watchdogs(tmp_path)
    os.kill(watchdog, signal.SIGKILL)
    process.kill()
    process.wait()
    at_work, may_end, real = threading.Event(), threading.Event(), stop_abandoned.__globals__["_stop_and_upload"]

    def slow(*arguments):
        at_work.set()
        assert may_end.wait(60)
        real(*arguments)

    monkeypatch.setattr("sissi.tracking.session._stop_and_upload", slow)
    [place] = [path for path in tmp_path.glob("recordings/*/key") if path.is_dir()]
    marker = threading.Thread(target=stop_abandoned, args=(tmp_path, place))
    marker.start()
    assert at_work.wait(60)
    acquire = FileLock.acquire

    def patiently(self, timeout=None, **options):
        if timeout == TIMEOUT:  # only now the watchdog may go on
            may_end.set()
        return acquire(self, timeout, **options)

    monkeypatch.setattr(FileLock, "acquire", patiently)
    with opened(tmp_path) as recording:
        assert may_end.is_set() and recording.folder == place and recording.interrupted
        marker.join()
        with recording.run("demo", "one"), recording.run("demo", "two"):
            pass
    assert statuses(tmp_path) == {"one": "FINISHED", "two": "FINISHED"}
    assert len(open_store(tmp_path).find_runs("demo")) == 2
