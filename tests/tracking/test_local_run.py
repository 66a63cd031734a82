from dataclasses import replace

import numpy as np
import pytest

from sissi.runtime.events import Dataset, End, File, Json, Metrics, Notice, Params, Picture, Progress, Resume, Text
from sissi.tracking import LocalRun

PICTURE = np.full((4, 6, 3), 7, np.uint8)


@pytest.fixture
def run(tmp_path):
    return LocalRun.create(tmp_path / "0000", "plain-a", "demo", None, {"sissi.stage": "branch"})


def recorded(run):
    """The events of a run, without their times."""
    found = LocalRun(run.folder).journal.events()
    return [replace(event, at=None) if isinstance(event, Metrics | End) else event for event in found]


def test_a_run_says_what_it_is(run):
    header = LocalRun(run.folder).header
    assert (header["name"], header["experiment"], header["parent"]) == ("plain-a", "demo", None)
    assert header["tags"]["sissi.stage"] == "branch"


@pytest.mark.parametrize(
    ("first", "same", "other"),
    [
        (Metrics({"a": 1.0, "b": 2.0}, 3), Metrics({"b": 9.0, "a": 9.0}, 3), Metrics({"a": 1.0, "b": 2.0}, 4)),
        (Picture("a.png", PICTURE, 1), Picture("a.png", PICTURE + 1, 1), Picture("a.png", PICTURE, 2)),
        (Text("why", "start.txt"), Text("why", "start.txt"), Text("other", "start.txt")),
        (Json([1], "a.json"), Json([1], "a.json"), Json([2], "a.json")),
        (Params({"seed": 0}), Params({"seed": 1}), Params({"seed": 0, "variant": "x"})),
        (Dataset("d", "0", "x", "test", {}), Dataset("d", "0", "x", "test", {}), Dataset("d", "1", "x", "test", {})),
    ],
)
def test_what_was_recorded_is_not_recorded_again_even_after_an_interruption(run, first, same, other):
    run.record(first)
    before = recorded(run)
    run.record(same)
    LocalRun(run.folder).record(same)
    assert len(recorded(run)) == len(before) == 1
    LocalRun(run.folder).record(other)
    assert len(recorded(run)) == 2


def test_a_file_that_changed_is_recorded_again_one_that_did_not_is_not(run, tmp_path):
    path = tmp_path / "table.csv"
    for content in ("a", "a", "b"):
        path.write_text(content)
        run.record(File(path, "table"))
    assert [event.path.read_text() for event in recorded(run)] == ["a", "b"]


def test_what_passes_by_is_not_written_down(run):
    run.record(Notice("look"))
    run.record(Progress(1, 2, "training", 0.5))
    assert recorded(run) == []


@pytest.mark.parametrize(
    ("error", "status"), [(None, "FINISHED"), (ValueError("x"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_a_run_says_how_it_ended_and_can_be_gone_on_with(run, error, status):
    def work():
        with run:
            if error:
                raise error

    if error:
        with pytest.raises(type(error)):
            work()
    else:
        work()
    again = LocalRun(run.folder)
    assert again.status == status
    again.end(status)
    assert recorded(again) == [End(status)]
    again.resume()
    assert LocalRun(run.folder).status == "RUNNING"
    again.end("FINISHED")
    assert [type(event) for event in recorded(run)] == [End, Resume, End]
