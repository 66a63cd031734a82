"""A disk that is full while records are written or delivered: named, nothing half there, and made up for."""

import shutil
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from sissi.errors import SissiError
from sissi.runtime.events import Metrics, Model, Picture, Text
from sissi.runtime.journal import Journal
from sissi.tracking import open_session, open_store
from sissi.tracking.mlflow_run import read_picture
from tests.tracking.test_session import Notices

resource = pytest.importorskip("resource", reason="there are no limits of the size of a file")
ALONE = ("unshare", "--user", "--map-root-user", "--mount")
"""Runs a command that may mount a small disk which nobody else sees."""
NO_DISK = not shutil.which("unshare") or subprocess.run([*ALONE, "true"], check=False, capture_output=True).returncode
FULL = "no space left on the disk"


@contextmanager
def room(size):
    """No file may grow beyond this many bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_journal_on_a_full_disk_keeps_no_half_call_and_goes_on(tmp_path):
    journal = Journal(tmp_path)
    journal.append(Metrics({"loss": 0.5}, 1))
    before = (tmp_path / "calls.jsonl").read_bytes()
    with room(len(before) + 9), pytest.raises(SissiError, match=rf"calls\.jsonl: {FULL}; free some and run the same"):
        journal.append(Metrics({"loss": 0.4}, 2))
    assert (tmp_path / "calls.jsonl").read_bytes() == before and len(journal) == 1
    journal.append(Metrics({"loss": 0.4}, 2))
    assert [event.step for event in Journal(tmp_path).events()] == [1, 2]


@pytest.mark.parametrize("kind", ["picture", "file"])
def test_an_artifact_for_which_there_is_no_room_names_the_folder_and_is_no_call(tmp_path, kind):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    (tmp_path / "model.pt").write_bytes(noise.tobytes())
    event = {"picture": Picture("a.png", noise), "file": Model(tmp_path / "model.pt")}[kind]
    journal = Journal(tmp_path / "journal")
    with room(1000), pytest.raises(SissiError, match=f"journal: {FULL}"):
        journal.append(event)
    assert len(Journal(tmp_path / "journal")) == 0
    journal.append(event)
    [kept] = Journal(tmp_path / "journal").events()
    if kind == "picture":
        assert np.array_equal(read_picture(kept.image), noise)
    else:
        assert kept.path.read_bytes() == noise.tobytes()


def disk(folder, size, *, larger=False):
    """Mount a disk of a size, such as 64k, or make it larger."""
    folder.mkdir(parents=True, exist_ok=True)
    how = f"{'remount,' if larger else ''}size={size}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", how, "none", str(folder)], check=True)


def deliver_to_a_small_disk(folder):
    """Fill the disk with pictures, wait for the message, make room, and look at what arrived."""
    disk(folder / "artifacts", "100k")
    noise, notices = np.random.default_rng(0).integers(0, 256, (9, 100, 100, 3), np.uint8), Notices()
    with open_session(folder, "key", offline=False, fresh=False, notify=notices) as recording:
        with recording.run("demo", "one") as run:
            for epoch, picture in enumerate(noise):
                run.record(Metrics({"loss": 1.0}, epoch))
                run.record(Picture("labels/a.png", picture, epoch))
            run.record(Text("x" * 200_000, "long.txt"))
            recording.deliver()
            notices.await_(FULL)
            disk(folder / "artifacts", "50m", larger=True)
        notices.await_("MLflow responds again")
    assert f"{folder}/artifacts: {FULL}, free some" in notices[0] and "they are stored and sent later" in notices[0], (
        notices
    )
    store = open_store(folder)
    [found] = store.find_runs("demo")
    pictures = sorted(store.artifact(found.id, "images").iterdir())
    assert found.status == "FINISHED" and len(pictures) == 18
    for epoch, picture in enumerate(noise):
        of_epoch = {path.suffix: Image.open(path) for path in pictures if f"+step+{epoch}+" in path.name}
        assert np.array_equal(np.asarray(of_epoch[".png"]), picture) and of_epoch[".webp"].load()
    assert store.artifact(found.id, "long.txt").stat().st_size == 200_000
    assert store.history(found.id, "loss") == [(epoch, 1.0) for epoch in range(9)]


@pytest.mark.skipif(NO_DISK, reason="no disk can be mounted here")
def test_a_store_whose_disk_is_full_is_named_and_has_every_artifact_once_when_there_is_room(tmp_path):
    code = f"import pathlib, {__name__} as here; here.deliver_to_a_small_disk(pathlib.Path({str(tmp_path)!r}))"
    done = subprocess.run([*ALONE, sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
