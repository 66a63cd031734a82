import os
import time
from pathlib import Path

import pytest

from sissi.search import worker
from sissi.search.worker import SILENCE, Worker, has_ended


@pytest.fixture
def working(tmp_path):
    process = Worker(tmp_path)
    yield process
    process.close()


def age(path, seconds):
    os.utime(path, (time.time() - seconds,) * 2)


def test_a_process_that_holds_its_lock_has_not_ended_on_any_host(working):
    _, path = working.mark
    age(path, 2 * SILENCE)
    assert not has_ended(*working.mark) and not has_ended("elsewhere", path)


def test_a_process_of_a_dead_host_has_ended_after_its_silence_and_not_before(tmp_path):
    path = tmp_path / "1-a.lock"
    path.touch()
    assert not has_ended("elsewhere", str(path))
    age(path, SILENCE + 60)
    assert has_ended("elsewhere", str(path))


def test_a_process_of_a_host_with_another_folder_is_unknown(tmp_path, working):
    assert not has_ended("elsewhere", str(tmp_path / "none.lock"))
    assert has_ended(working.mark[0], str(tmp_path / "none.lock"))


def test_a_living_process_gives_signs_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "BEAT", 0.01)
    process = Worker(tmp_path)
    _, path = process.mark
    age(path, SILENCE)
    until = time.monotonic() + 20
    while time.time() - Path(path).stat().st_mtime > SILENCE / 2:
        assert time.monotonic() < until
    process.close()
    assert not Path(path).exists()
