from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sissi.runtime.journal import Journal

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text().filter(lambda key: key[:1] != "$"), inner),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.text(min_size=1), st.tuples(PLAIN, PLAIN)), max_size=5))
def test_calls_come_back_as_they_were_said(calls):
    with TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        for method, arguments in calls:
            journal.append(method, arguments)
        assert list(journal.calls()) == calls
        assert list(Journal(Path(folder)).calls()) == calls


def test_pictures_and_files_are_kept_whatever_becomes_of_the_original(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    (tmp_path / "model.pt").write_bytes(b"weights")
    journal = Journal(tmp_path / "journal")
    journal.append("image", ("key", picture, 3))
    journal.append("model", (tmp_path / "model.pt",))
    (tmp_path / "model.pt").write_bytes(b"others")
    (_, (_, seen, _)), (_, (path,)) = Journal(tmp_path / "journal").calls()
    assert np.array_equal(seen, picture)
    assert path.name == "model.pt" and path.read_bytes() == b"weights"


def test_a_call_that_was_cut_in_half_is_dropped_and_the_next_one_is_whole(tmp_path):
    journal = Journal(tmp_path)
    journal.append("metrics", ({"loss": 0.1}, 1))
    with (tmp_path / "calls.jsonl").open("ab") as file:
        file.write(b'["metrics", [{"lo')
    again = Journal(tmp_path)
    again.append("metrics", ({"loss": 0.2}, 2))
    assert [arguments for _, arguments in Journal(tmp_path).calls()] == [({"loss": 0.1}, 1), ({"loss": 0.2}, 2)]


@pytest.mark.parametrize("length", [0, 1, 3, 9])
def test_what_is_truncated_is_forgotten_on_disk_too(tmp_path, length):
    journal = Journal(tmp_path)
    for number in range(3):
        journal.append("metrics", ({"ä": number}, number))
    journal.truncate(length)
    journal.sync()
    assert len(journal) == len(Journal(tmp_path)) == min(length, 3)
    assert [step for _, (_, step) in Journal(tmp_path).calls(1)] == list(range(1, min(length, 3)))
