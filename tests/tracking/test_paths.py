"""Recordings that were manipulated: no path in them leads out of the recording, or out of MLflow's folder."""

import json

import cv2
import numpy as np
import pytest

from sissi.runtime.journal import ForeignPath, Journal
from sissi.tracking import open_session, open_store, upload

SECRET = b"a private key"
OUTSIDE = "../../../../../outside"
FOREIGN = [f"{OUTSIDE}/key.png", "../run.json", "/etc/passwd", "link/key.png"]
CLIMBING = [
    "../../../../escaped.txt",
    "a/../../../escaped.txt",
    "{folder}/escaped.txt",
    "..\\escaped.txt",
    "C:\\escaped.txt",
]


def tampered(folder, *calls):
    """An offline recording of a run, with other calls than it had."""
    with open_session(folder, "key", offline=True, fresh=False, notify=print) as recording:
        with recording.run("demo", "one"):
            pass
        journal = recording.folder / "0000/journal"
    (journal / "link").symlink_to(folder / "outside")
    lines = [*calls, ["metrics", [{"loss": 0.5}, 1, 15 * 10**11]]]
    (journal / "calls.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return journal


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/key.png").write_bytes(cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1].tobytes() + SECRET)
    return tmp_path


@pytest.mark.parametrize("call", [["file", ["/etc/passwd", ""]], ["model", ["run.json"]], ["image", ["key", "a.png"]]])
def test_a_journal_reads_no_file_that_is_named_as_a_text(folder, call):
    with pytest.raises(ForeignPath, match="a file outside its folder"):
        list(Journal(tampered(folder, call)).events())


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("kind", ["$file", "$picture"])
def test_a_journal_reads_no_file_but_its_own(folder, kind, name):
    journal = tampered(folder, ["file", [{kind: name}, ""]])
    with pytest.raises(ForeignPath, match=r"calls\.jsonl: names .*, a file outside its folder"):
        list(Journal(journal).events())


def upload_and_look(folder, told):
    """What is delivered and what is kept: the rest arrives, and there is no new file outside the store."""
    assert upload(folder, told.append) == (1, 0)
    store = open_store(folder)
    [run] = store.find_runs("demo")
    assert store.history(run.id, "loss") == [(1, 0.5)]
    return [path for path in (folder / "artifacts").rglob("*") if path.is_file()]


def test_upload_delivers_no_file_from_elsewhere_and_says_so(folder):
    calls = [["file", [{"$file": name}, ""]] for name in FOREIGN]
    calls += [["image", ["key", {"$picture": name}, 1]] for name in FOREIGN]
    told = []
    tampered(folder, *calls)
    assert upload_and_look(folder, told) == []
    assert sum("a file outside its folder" in line for line in told) == len(calls)


def test_no_artifact_is_written_outside_of_its_run(folder):
    contents = {"text": "x", "json": [1], "table": {"a": [1]}, "file": {"$file": "own.txt"}}
    paths = [path.format(folder=folder) for path in CLIMBING]
    told, calls = [], [[method, [content, path]] for path in paths for method, content in contents.items()]
    (tampered(folder, *calls) / "own.txt").write_text("x")
    before = set(folder.parent.rglob("*escaped*"))
    assert upload_and_look(folder, told) == []
    assert set(folder.parent.rglob("*escaped*")) == before
    assert [line for line in told if "leads out of its run" in line] == told and len(told) == len(calls)
