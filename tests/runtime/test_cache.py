import os
import subprocess
import sys
import time

import numpy as np
import pytest

from sissi.runtime.cache import Cache


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def fill(cache, number, size, age=0.0):
    entry = cache.entry("trunk", {"seed": number})
    with entry.lock(print):
        (entry.folder / "weights").write_bytes(bytes(size))
    os.utime(entry.folder, (time.time() - age,) * 2)
    return entry


def test_equal_content_has_one_place_and_anything_else_another(cache):
    first = cache.entry("trunk", {"seed": 0, "settings": {"a": 1, "b": [1.5, None]}})
    assert first == cache.entry("trunk", {"settings": {"b": [1.5, None], "a": 1}, "seed": 0})
    others = [("branch", {"seed": 0, "settings": {"a": 1, "b": [1.5, None]}}), ("trunk", {"seed": 0}), ("trunk", {})]
    assert len({first.folder, *(cache.entry(*other).folder for other in others)}) == 4


def test_changed_code_or_libraries_are_other_work(cache, monkeypatch):
    before = cache.entry("trunk", {})
    monkeypatch.setattr("sissi.runtime.cache.library_versions", lambda: {"torch": "0.1"})
    between = cache.entry("trunk", {})
    monkeypatch.setattr("sissi.runtime.cache.code_digest", lambda: "other")
    assert len({before.digest, between.digest, cache.entry("trunk", {}).digest}) == 3


def test_a_result_is_there_only_when_the_work_is_finished(cache):
    entry = cache.entry("scores", {})
    assert entry.result is None
    with entry.lock(print):
        entry.finish({"AP": 0.5})
    assert cache.entry("scores", {}).result == {"AP": 0.5}


def test_the_longest_unused_work_goes_first_and_what_was_used_today_stays(cache):
    old, older, new = fill(cache, 0, 100, 3e5), fill(cache, 1, 100, 4e5), fill(cache, 2, 100)
    assert [entry.folder for entry in cache.prune(250)] == [older.folder]
    assert not older.folder.exists() and old.folder.exists()
    cache.prune(0)
    assert not old.folder.exists() and new.folder.exists()
    cache.prune(0, unused_for=0)
    assert cache.entries() == []


def test_work_that_another_process_is_at_is_waited_for_and_not_deleted(cache):
    entry = fill(cache, 0, 10, 3e5)
    code = (
        "import sys; from sissi.runtime.cache import Cache; from pathlib import Path\n"
        "with Cache(Path(sys.argv[1])).entry('trunk', {'seed': 0}).lock(print):\n"
        "    print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(cache.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "locked\n"
        assert cache.remove(entry) is False and entry.folder.exists()
        told = []

        def let_go(text):
            told.append(text)
            other.stdin.close()

        with entry.lock(let_go):
            assert "waiting" in told[0]
    assert cache.remove(entry) and not entry.folder.exists()


def frames_in(cache, count, age=0.0):
    """A folder of frames such as readers leave behind, who take no lock."""
    entry = cache.entry("resized", {"size": [2, 3]})
    entry.folder.mkdir(parents=True)
    for index in range(count):
        np.save(entry.folder / f"{index:032x}.npy", np.zeros((2, 3, 3), np.uint8))
    os.utime(entry.folder, (time.time() - age,) * 2)
    return entry


def test_the_cache_is_shown_with_how_far_everything_is_and_cleared(tmp_path, sissi, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    cache = Cache(tmp_path / "cache")
    fill(cache, 0, 2_500_000)
    frames_in(cache, 3)
    cache.entry("scores", {}).finish({"AP": 0.5})
    code, out, _ = sissi("cache", "--tracking", str(tmp_path))
    rows = {line.split()[0]: line for line in out.splitlines() if line[:1].isalpha()}
    assert code == 0 and "2.5" in rows["trunk"] and "0 epochs" in rows["trunk"]
    assert "3 images" in rows["resized"] and "yes" in rows["scores"]
    assert sissi("cache", "--clear", "--tracking", str(tmp_path))[:2] == (0, "removed 3 pieces of work\n")
    assert cache.entries() == []


def test_images_that_are_kept_count_to_the_limit_and_go_when_they_were_not_read_for_a_day(cache):
    frames, trunk = frames_in(cache, 5, 4e5), fill(cache, 0, 100, 3e5)
    assert frames.size == sum(path.stat().st_size for path in frames.folder.iterdir()) > 5 * 18
    assert cache.prune(frames.size + 100) == []
    assert [entry.folder for entry in cache.prune(frames.size)] == [frames.folder]
    assert trunk.folder.exists()


def test_a_file_that_vanishes_while_it_is_measured_counts_nothing(cache, monkeypatch):
    entry, listed = fill(cache, 0, 100), type(cache.folder).rglob
    monkeypatch.setattr(type(cache.folder), "rglob", lambda *a: [*listed(*a), entry.folder / "a.npy.unfinished-1"])
    assert entry.size == 100
