from pathlib import Path

import matplotlib
import numpy as np
import pytest

from sissi.tracking import RecordedRun

matplotlib.use("Agg")
PICTURE = np.full((4, 6, 3), 7, np.uint8)


@pytest.fixture
def run(tmp_path):
    return RecordedRun.create(tmp_path / "0000", "plain-a", "demo", None, {"sissi.stage": "branch"})


def said(run):
    """The calls in a run, without their times."""
    calls = list(RecordedRun(run.folder).journal.calls())
    return [(method, arguments[:-1] if method in ("metrics", "end") else arguments) for method, arguments in calls]


def test_a_run_says_what_it_is(run):
    header = RecordedRun(run.folder).header
    assert (header["name"], header["experiment"], header["parent"]) == ("plain-a", "demo", None)
    assert header["tags"]["sissi.stage"] == "branch"


@pytest.mark.parametrize(
    ("method", "first", "same", "other"),
    [
        ("metrics", ({"a": 1.0, "b": 2.0}, 3), ({"b": 9.0, "a": 9.0}, 3), ({"a": 1.0, "b": 2.0}, 4)),
        ("image", ("labels/a.png", PICTURE, 1), ("labels/a.png", PICTURE + 1, 1), ("labels/a.png", PICTURE, 2)),
        ("text", ("why", "start.txt"), ("why", "start.txt"), ("other", "start.txt")),
        ("json", ([1], "a.json"), ([1], "a.json"), ([2], "a.json")),
        ("params", ({"seed": 0},), ({"seed": 1},), ({"seed": 0, "variant": "x"},)),
        ("dataset", ("d", "0", "x", "test", {}), ("d", "0", "x", "test", {}), ("d", "1", "x", "test", {})),
    ],
)
def test_what_was_said_is_not_said_again_even_after_an_interruption(run, method, first, same, other):
    getattr(run, method)(*first)
    before = said(run)
    getattr(run, method)(*same)
    getattr(RecordedRun(run.folder), method)(*same)
    assert len(said(run)) == len(before) == 1
    getattr(RecordedRun(run.folder), method)(*other)
    assert len(said(run)) == 2


def test_a_file_that_changed_is_said_again_one_that_did_not_is_not(run, tmp_path):
    path = tmp_path / "table.csv"
    for content in ("a", "a", "b"):
        path.write_text(content)
        run.file(path, "table")
    assert [arguments[0].read_text() for _, arguments in said(run)] == ["a", "b"]


def test_a_figure_is_kept_as_a_picture_under_its_path(run):
    from matplotlib.figure import Figure

    run.figure(Figure((1, 1)), "figures/curve.png")
    [(method, (path, folder))] = said(run)
    assert (method, Path(folder) / path.name) == ("file", Path("figures/curve.png"))
    assert path.read_bytes()[:4] == b"\x89PNG"


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
    again = RecordedRun(run.folder)
    assert again.status == status
    again.end(status)
    assert said(again) == [("end", (status,))]
    again.resume()
    assert RecordedRun(run.folder).status == "RUNNING"
    again.end("FINISHED")
    assert [method for method, _ in said(run)] == ["end", "resume", "end"]
