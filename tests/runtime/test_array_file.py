import numpy as np
import pytest

from sissi.errors import SissiError
from sissi.runtime.array_file import write_array
from tests.tracking.test_full_disk import FULL, room


def test_an_array_that_finds_a_full_disk_names_it_and_leaves_the_old_one(tmp_path):
    write_array(tmp_path / "a.npy", np.arange(3))
    with room(1000), pytest.raises(SissiError, match=rf"a\.npy: {FULL}"):
        write_array(tmp_path / "a.npy", np.zeros(1000))
    assert np.load(tmp_path / "a.npy").tolist() == [0, 1, 2] and len(list(tmp_path.iterdir())) == 1
