"""A tracking folder that was moved, copied, or has an unusual name."""

import shutil

import pytest

from sissi.runtime.events import Metrics, Text
from sissi.tracking import open_session, open_store, upload
from sissi.tracking.relocate import LOCAL, digest_of

ODD_NAMES = ["100 %", "a?b", "#1", "two words", "{x}", "größe", "a%20b", "a&b=c", "it's"]


def offline(folder):
    return open_session(folder, "key", offline=True, fresh=False, notify=print)


def write(folder, name="demo"):
    with open_store(folder).start_run(name, "one", tags={"sissi.kind": "ablation"}) as run:
        run.text("hello", "greeting.txt")
        run.metrics({"loss": 0.5}, 1)
    return run.id


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
def test_a_folder_that_was_moved_or_copied_is_read_and_written_in_its_new_place(tmp_path, move):
    run = write(tmp_path / "old")
    move(tmp_path / "old", tmp_path / "new")
    before = sorted((tmp_path / "old").rglob("*"))
    store = open_store(tmp_path / "new")
    path = store.artifact(run, "greeting.txt")
    assert path.read_text() == "hello" and path.is_relative_to(tmp_path / "new")
    again = write(tmp_path / "new")
    assert open_store(tmp_path / "new").artifact(again, "greeting.txt").is_relative_to(tmp_path / "new")
    assert sorted((tmp_path / "old").rglob("*")) == before


def test_a_folder_that_was_moved_twice_is_still_read(tmp_path):
    run = write(tmp_path / "a")
    for old, new in (("a", "b c"), ("b c", "d%")):
        shutil.move(tmp_path / old, tmp_path / new)
        assert open_store(tmp_path / new).artifact(run, "greeting.txt").read_text() == "hello"


def test_artifacts_of_other_programs_stay_where_they_are(tmp_path):
    write(tmp_path / "lab")
    (tmp_path / "elsewhere" / "artifacts").mkdir(parents=True)
    elsewhere = (tmp_path / "elsewhere" / "artifacts").as_uri()
    client = open_store(tmp_path / "lab")._client
    other = client.create_experiment("other", elsewhere)
    client.create_run(other)
    assert open_store(tmp_path / "lab")._client.get_experiment(other).artifact_location == elsewhere


def test_a_model_of_a_moved_folder_is_found(tmp_path, monkeypatch):
    from sissi.config import Detector
    from sissi.detector.model import build, save

    save(build(Detector(preset="small"), (96, 128)), tmp_path / "detector.pt")
    with open_store(tmp_path / "old").start_run("demo", "one") as run:
        address = run.model(tmp_path / "detector.pt")
    shutil.move(tmp_path / "old", tmp_path / "new")
    for uri in (address, f"runs:/{run.id}/model"):
        assert open_store(tmp_path / "new").load_model_file(uri).is_relative_to(tmp_path / "new")


def test_records_that_were_kept_before_a_move_are_delivered_after_it(tmp_path):
    with offline(tmp_path / "old") as session, session.run("demo", "one") as run:
        run.record(Metrics({"loss": 0.5}, 1))
    open_store(tmp_path / "old").start_run("demo", "first").text("x", "x.txt")
    kept = tmp_path / "old/recordings"
    (kept / "offline").rename(kept / digest_of(f"sqlite:///{tmp_path}/old/mlflow.db"))  # as version 0.1 named it
    shutil.move(tmp_path / "old", tmp_path / "new")
    assert upload(tmp_path / "new", print) == (1, 0)
    assert not [path for path in (tmp_path / "new/recordings" / LOCAL).glob("*") if path.is_dir()]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_tracking_folder_may_have_any_name_for_mlflow(tmp_path, name):
    folder = tmp_path / name
    with offline(folder) as session, session.run("demo", "one") as run:
        run.record(Text("hello", "greeting.txt"))
    assert upload(folder, print) == (1, 0)
    store = open_store(folder)
    [found] = store.find_runs("demo")
    assert store.artifact(found.id, "greeting.txt").read_text() == "hello"
    assert (folder / "mlflow.db").is_file() and [path.name for path in tmp_path.iterdir()] == [name]
