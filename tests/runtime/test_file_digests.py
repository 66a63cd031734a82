import hashlib
import os
import time
from pathlib import Path

import pytest

from sissi.runtime import file_digests
from sissi.runtime.cache import Cache
from sissi.runtime.file_digests import content_digests

HOUR = 3600 * 10**9


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    paths = [folder / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 1000)
    return paths


@pytest.fixture
def later(monkeypatch):
    """The clock shows an hour later, so that the files have not changed for long."""
    monkeypatch.setattr(file_digests, "time_ns", lambda: time.time_ns() + HOUR)


@pytest.fixture
def read(monkeypatch):
    """Names of the files that are read, in order."""
    names, digest = [], hashlib.file_digest

    def noted(file, kind):
        names.append(Path(file.name).name)
        return digest(file, kind)

    monkeypatch.setattr(hashlib, "file_digest", noted)
    return names


def true_digests(files):
    return [hashlib.sha256(path.read_bytes()).digest() for path in files]


def test_what_has_not_changed_is_read_once(cache, files, later, read):
    assert content_digests(files, cache) == content_digests(files[::-1], cache)[::-1] == true_digests(files)
    assert read == ["0.png", "1.png", "2.png"]


def test_without_a_cache_everything_is_read(files, later, read):
    assert content_digests(files) == content_digests(files) == true_digests(files)
    assert len(read) == 6


def test_content_written_into_a_file_with_size_and_time_kept_is_read(cache, files, later, read):
    content_digests(files, cache)
    before = files[1].stat()
    files[1].write_bytes(b"x" * before.st_size)
    os.utime(files[1], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert files[1].stat().st_mtime_ns == before.st_mtime_ns
    assert content_digests(files, cache) == true_digests(files)
    assert read[3:] == ["1.png"]


def test_a_file_that_takes_the_place_of_one_of_the_same_size_and_time_is_read(cache, files, later, read, tmp_path):
    content_digests(files, cache)
    before, other = files[1].stat(), tmp_path / "other.png"
    other.write_bytes(b"x" * before.st_size)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(files[1])
    assert content_digests(files, cache) == true_digests(files)
    assert read[3:] == ["1.png"]


def test_a_file_changed_just_before_it_was_read_is_read_again(cache, files, read, monkeypatch):
    """Another change within the same tick of the clock of the file system would leave the same times."""
    newest = max(path.stat().st_ctime_ns for path in files)
    monkeypatch.setattr(file_digests, "time_ns", lambda: newest + file_digests.SETTLED)
    content_digests(files, cache)
    assert content_digests(files, cache) == true_digests(files)
    assert read.count(files[-1].name) == 2
    monkeypatch.setattr(file_digests, "time_ns", lambda: newest + file_digests.SETTLED + 1)
    content_digests(files, cache)
    before = len(read)
    assert content_digests(files, cache) == true_digests(files) and len(read) == before


def test_a_file_from_the_future_is_read_every_time(cache, files, read, monkeypatch):
    monkeypatch.setattr(file_digests, "time_ns", lambda: time.time_ns() - HOUR)
    assert content_digests(files, cache) == content_digests(files, cache)
    assert len(read) == 6


def test_what_another_process_has_written_meanwhile_stays(cache, files, later, read, monkeypatch):
    """Two commands begin with the same empty index, and each reads an image of its own."""
    digest = file_digests._read

    def interrupted(path):
        if path == files[0]:
            content_digests(files[1:2], cache)
        return digest(path)

    monkeypatch.setattr(file_digests, "_read", interrupted)
    content_digests(files[:1], cache)
    assert content_digests(files[:2], cache) == true_digests(files[:2])
    assert read == ["1.png", "0.png"]


def test_an_index_is_pruned_as_other_entries_are_and_one_that_is_used_is_not(cache, files, later, read):
    content_digests(files, cache)
    [entry] = cache.entries()
    os.utime(entry.folder, (0, 0))
    content_digests(files, cache)
    assert cache.prune(0) == [] and entry.kind == "digests" and entry.state == "yes"
    assert [pruned.folder for pruned in cache.prune(0, unused_for=0)] == [entry.folder]
    assert content_digests(files, cache) == true_digests(files)


def test_no_files_need_no_index(cache):
    assert content_digests([], cache) == [] and cache.entries() == []
