import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sissi.errors import SissiError
from sissi.runtime.array_file import read_array, write_array
from tests.tracking.test_full_disk import FULL, room


def test_an_array_that_finds_a_full_disk_names_it_and_leaves_the_old_one(tmp_path):
    write_array(tmp_path / "a.npy", np.arange(3))
    with room(1000), pytest.raises(SissiError, match=rf"a\.npy: {FULL}"):
        write_array(tmp_path / "a.npy", np.zeros(1000))
    assert np.load(tmp_path / "a.npy").tolist() == [0, 1, 2] and len(list(tmp_path.iterdir())) == 1


def test_threads_read_one_after_another(tmp_path, monkeypatch):
    """Two that parse the header of a file at once make Python 3.11.7 fail (SystemError: AST constructor recursion)."""
    write_array(tmp_path / "a.npy", np.arange(3))
    load, both = np.load, threading.Barrier(2)

    def meeting(path):
        with pytest.raises(threading.BrokenBarrierError):
            both.wait(0.3)
        return load(path)

    monkeypatch.setattr(np, "load", meeting)
    with ThreadPoolExecutor(2) as pool:
        assert [array.tolist() for array in pool.map(read_array, [tmp_path / "a.npy"] * 2)] == [[0, 1, 2]] * 2
