import errno
import fcntl
import os

import pytest

from sissi.errors import SissiError
from sissi.runtime.cache import Cache
from sissi.runtime.locks import file_lock, require_flock


@pytest.fixture
def without_flock(monkeypatch):
    """A file system that answers flock as those without it do."""

    def flock(file, operation):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    require_flock.cache_clear()
    monkeypatch.setattr(fcntl, "flock", flock)
    yield
    require_flock.cache_clear()


def test_a_file_system_without_locks_is_refused_and_gets_no_weaker_lock(tmp_path, without_flock):
    with pytest.raises(SissiError, match=f"{tmp_path}: its file system has no locks .* choose a folder on another"):
        file_lock(tmp_path / "x.lock")
    with pytest.raises(SissiError, match="no locks"), Cache(tmp_path).entry("trunk", {}).lock(print):
        pass
    assert list(tmp_path.rglob("*.lock")) == []


def test_a_lock_keeps_a_second_one_out(tmp_path):
    with file_lock(tmp_path / "x.lock"), pytest.raises(TimeoutError), file_lock(tmp_path / "x.lock", timeout=0):
        pass
