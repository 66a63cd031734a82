import json
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sissi.runtime import events
from sissi.runtime.events import NAMES, File, Json, Metrics, Model, Picture
from sissi.runtime.journal import ForeignPath, Journal
from sissi.tracking.mlflow_run import read_picture


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text().filter(lambda key: key[:1] != "$"), inner),
    max_leaves=8,
)
STEP = st.integers(0, 999)
KEY = st.text().filter(lambda key: key[:1] != "$")  # with which a journal marks its files
PLAIN_EVENTS = st.one_of(
    st.builds(events.Params, st.dictionaries(KEY, PLAIN)),
    st.builds(events.Tags, st.dictionaries(KEY, st.text())),
    st.builds(events.ExperimentTags, st.dictionaries(KEY, st.text())),
    st.builds(Metrics, st.dictionaries(KEY, st.floats(allow_nan=False)), STEP, st.none() | STEP),
    st.builds(events.Text, st.text(), st.text()),
    st.builds(events.Table, st.dictionaries(KEY, st.lists(PLAIN)), st.text()),
    st.builds(events.Dataset, *[st.text()] * 4, st.dictionaries(KEY, STEP)),
    st.builds(events.End, st.sampled_from(["FINISHED", "FAILED", "KILLED"]), st.none() | STEP),
    st.just(events.Resume()),
)


@settings(max_examples=60)
@given(st.lists(PLAIN_EVENTS, max_size=5))
def test_events_come_back_as_they_were_recorded(recorded):
    with TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        assert [journal.append(event) for event in recorded] == recorded
        assert list(journal.events()) == recorded
        assert list(Journal(Path(folder)).events()) == recorded


def test_pictures_and_files_are_kept_whatever_becomes_of_the_original(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    (tmp_path / "model.pt").write_bytes(b"weights")
    journal = Journal(tmp_path / "journal")
    journal.append(Picture("key", picture, 3))
    journal.append(Model(tmp_path / "model.pt"))
    (tmp_path / "model.pt").write_bytes(b"others")
    seen, model = Journal(tmp_path / "journal").events()
    assert np.array_equal(read_picture(seen.image), picture) and (seen.key, seen.step) == ("key", 3)
    assert model.path.name == "model.pt" and model.path.read_bytes() == b"weights"


@settings(max_examples=30)
@given(PLAIN, st.sampled_from(["a.json", "labels/epoch_001.json", "a/b/ü.json"]))
def test_plain_data_become_a_file_and_only_its_path_stands_in_the_journal(content, path):
    with TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        kept = journal.append(Json([content, "x" * 10_000], path))
        assert isinstance(kept, File) and (kept.folder, kept.path.name) == (
            path.rpartition("/")[0],
            path.rpartition("/")[2],
        )
        assert read_json(kept.path) == [content, "x" * 10_000]
        assert list(Journal(Path(folder)).events()) == [kept]
        assert (Path(folder) / "calls.jsonl").stat().st_size < 200


def test_what_one_journal_keeps_is_copied_to_another_and_not_within_one(tmp_path):
    first, second = Journal(tmp_path / "a"), Journal(tmp_path / "b")
    for event in (Json([1], "labels/1.json"), Picture("key", np.zeros((2, 2, 3), np.uint8), 1)):
        kept = first.append(event)
        assert first.store(kept) == kept
        second.append(kept)
    copies = list(Journal(tmp_path / "b").events())
    assert read_json(copies[0].path) == [1] and not read_picture(copies[1].image).any()
    assert all(path.is_relative_to(tmp_path / "b") for path in (copies[0].path, copies[1].image))


def test_a_journal_that_names_a_file_from_elsewhere_is_refused(tmp_path):
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal/calls.jsonl").write_text('["file", [{"$file": "../secret.txt"}, "failure"]]\n')
    with pytest.raises(ForeignPath, match=r"calls\.jsonl: names '\.\./secret\.txt', a file outside its folder"):
        list(Journal(tmp_path / "journal").events())


def test_an_event_that_was_cut_in_half_is_dropped_and_the_next_one_is_whole(tmp_path):
    journal = Journal(tmp_path)
    journal.append(Metrics({"loss": 0.1}, 1))
    with (tmp_path / "calls.jsonl").open("ab") as file:
        file.write(b'["metrics", [{"lo')
    again = Journal(tmp_path)
    again.append(Metrics({"loss": 0.2}, 2))
    assert list(Journal(tmp_path).events()) == [Metrics({"loss": 0.1}, 1), Metrics({"loss": 0.2}, 2)]


@pytest.mark.parametrize("length", [0, 1, 3, 9])
def test_what_is_truncated_is_forgotten_on_disk_too(tmp_path, length):
    journal = Journal(tmp_path)
    for number in range(3):
        journal.append(Metrics({"ä": number}, number))
    journal.truncate(length)
    journal.sync()
    assert len(journal) == len(Journal(tmp_path)) == min(length, 3)
    assert [event.step for event in Journal(tmp_path).events(1)] == list(range(1, min(length, 3)))


def test_every_lasting_event_has_a_name_on_disk():
    assert set(NAMES.values()) == set(events.Lasting.__args__)
    assert all(field.init for kind in NAMES.values() for field in fields(kind))
