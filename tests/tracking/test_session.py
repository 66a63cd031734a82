"""Records on their way to a real MLflow store: kept while it does not answer, delivered once when it does."""

import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from sissi.errors import TrackingError
from sissi.runtime.events import Json, Metrics, Params, Picture
from sissi.tracking import open_session, open_store, upload
from sissi.tracking.mlflow_run import MlflowRun
from tests.tracking.servers import Server, free_port

PICTURE = np.full((8, 8, 3), 200, np.uint8)


class Notices(list):
    """Sentences for the user, and a way to wait for one."""

    def __init__(self):
        super().__init__()
        self._more = threading.Condition()

    def __call__(self, text):
        with self._more:
            self.append(text)
            self._more.notify_all()

    def await_(self, part):
        with self._more:
            assert self._more.wait_for(lambda: any(part in text for text in self), 60), list(self)


def opened(folder, key="key", **options):
    settings = {"offline": False, "fresh": False, "notify": Notices()} | options
    return open_session(folder, key, **settings)


def record_epochs(run, epochs):
    for epoch in epochs:
        run.record(Metrics({"loss": 1 / epoch, "AP50": 0.1}, epoch))
        run.record(Picture("labels/a.png", PICTURE, epoch))
        run.record(Json([epoch], f"labels/{epoch}.json"))


def steps(store, run):
    """The points of a curve as they are stored, doubles included; and the steps of its pictures."""
    points = store._client.get_metric_history(run.id, "loss")
    pictures = [file.path for file in store._client.list_artifacts(run.id, "images") if file.path.endswith(".png")]
    return sorted(point.step for point in points), sorted(
        int(path.split("+step+")[1].split("+")[0]) for path in pictures
    )


def test_runs_arrive_nested_with_all_they_said_and_leave_no_recording(tmp_path):
    with opened(tmp_path) as recording, recording.run("demo", "all", tags={"kind": "a"}) as parent:
        parent.record(Params({"seed": 0, "variants": ["a", "b"]}))
        with recording.run("demo", "one", parent=parent) as child:
            record_epochs(child, (1, 2, 3))
    store = open_store(tmp_path)
    [found] = store.find_runs("demo", "tags.kind = 'a'")
    [child] = store.children(found.id)
    assert (found.name, found.status, found.params["seed"]) == ("all", "FINISHED", "0")
    assert steps(store, child) == ([1, 2, 3], [1, 2, 3]) and child.status == "FINISHED"
    assert [path.suffix for path in (tmp_path / "recordings").glob("*/*")] == [".lock"]


def test_times_are_those_of_the_work_not_of_the_delivery(tmp_path, monkeypatch):
    monkeypatch.setattr("sissi.tracking.local_run._now", lambda: 1_500_000_000_000)
    with opened(tmp_path) as recording, recording.run("demo", "one") as run:
        run.record(Metrics({"loss": 1.0, "AP50": 0.1}, 1))
    client = open_store(tmp_path)._client
    [found] = open_store(tmp_path).find_runs("demo")
    info = client.get_run(found.id).info
    assert info.start_time == info.end_time == client.get_metric_history(found.id, "loss")[0].timestamp == 15 * 10**11


def test_offline_records_are_delivered_by_upload(tmp_path):
    notices = Notices()
    with opened(tmp_path, offline=True, notify=notices) as recording, recording.run("demo", "one") as run:
        record_epochs(run, (1, 2))
    assert "sissi upload" in notices[-1] and not (tmp_path / "mlflow.db").exists()
    assert upload(tmp_path, notices) == (1, 0)
    store = open_store(tmp_path)
    assert steps(store, store.find_runs("demo")[0]) == ([1, 2], [1, 2])
    assert upload(tmp_path, notices) == (0, 0)


WORK = """
import os, signal, sys, pathlib
from sissi.runtime.events import Metrics
from sissi.tracking import open_session
with open_session(pathlib.Path(sys.argv[1]), "key", offline=False, fresh=False, notify=print) as recording:
    with recording.run("demo", "one") as run:
        run.record(Metrics({"loss": 1.0, "AP50": 0.1}, 1))
        while recording.run_id(run) is None:
            recording.deliver()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def kill(folder):
    if sys.platform == "win32":
        pytest.skip("there are no signals that kill")
    done = subprocess.run([sys.executable, "-c", WORK, str(folder)], check=False, stdout=subprocess.DEVNULL)
    assert done.returncode == -signal.SIGKILL


def test_a_killed_command_goes_on_in_the_same_run(tmp_path):
    kill(tmp_path)
    with opened(tmp_path) as recording:
        assert recording.interrupted
        with recording.run("demo", "one") as run:
            record_epochs(run, (1, 2))
    store = open_store(tmp_path)
    [found] = store.find_runs("demo")
    assert found.status == "FINISHED" and steps(store, found)[0] == [1, 2]


def statuses(folder):
    return {run.name: run.status for run in open_store(folder).find_runs("demo")}


def test_another_command_marks_the_runs_of_a_killed_one(tmp_path):
    kill(tmp_path)
    with opened(tmp_path, "another") as recording, recording.run("demo", "two"):
        pass
    assert {run.name: run.status for run in open_store(tmp_path).find_runs("demo")} == {
        "one": "KILLED",
        "two": "FINISHED",
    }
    with opened(tmp_path) as recording, recording.run("demo", "one"):
        pass
    assert statuses(tmp_path) == {"one": "FINISHED", "two": "FINISHED"}


def test_fresh_begins_new_runs_and_marks_the_old_ones(tmp_path):
    kill(tmp_path)
    with opened(tmp_path, fresh=True) as recording:
        assert not recording.interrupted
        with recording.run("demo", "one"):
            pass
    assert sorted(run.status for run in open_store(tmp_path).find_runs("demo")) == ["FINISHED", "KILLED"]
    assert not [path for path in (tmp_path / "recordings").glob("*/*") if path.is_dir()]


def test_the_same_command_twice_at_once_has_runs_of_its_own(tmp_path):
    with opened(tmp_path) as first, opened(tmp_path) as second:
        for recording in (first, second):
            with recording.run("demo", "one") as run:
                record_epochs(run, (1,))
    store = open_store(tmp_path)
    assert [steps(store, run) for run in store.find_runs("demo")] == [([1], [1])] * 2


def test_what_the_answer_got_lost_of_is_not_written_twice(tmp_path, monkeypatch):
    lost = {"metrics": 2, "image": 2}

    def losing(method):
        real = getattr(MlflowRun, method)

        def call(self, *arguments):
            real(self, *arguments)
            if lost[method]:
                lost[method] -= 1
                raise ConnectionError("the answer got lost")

        return call

    for method in lost:
        monkeypatch.setattr(MlflowRun, method, losing(method))
    notices = Notices()
    with opened(tmp_path, notify=notices) as recording, recording.run("demo", "one") as run:
        record_epochs(run, (1, 2, 3))
    store = open_store(tmp_path)
    assert steps(store, store.find_runs("demo")[0]) == ([1, 2, 3], [1, 2, 3])
    assert lost == {"metrics": 0, "image": 0} and "the answer got lost" in notices[0]


def test_what_mlflow_refuses_is_named_and_the_rest_arrives(tmp_path):
    notices = Notices()
    with opened(tmp_path, notify=notices) as recording, recording.run("demo", "one") as run:
        run.record(Params({"x" * 500: 1}))
        record_epochs(run, (1,))
    assert "MLflow refused a record of one" in notices[0]
    store = open_store(tmp_path)
    assert steps(store, store.find_runs("demo")[0])[0] == [1]


@pytest.mark.slow
def test_a_server_that_goes_away_and_comes_back_misses_nothing(tmp_path, monkeypatch):
    server, notices = Server(tmp_path / "server"), Notices()
    server.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    try:
        with opened(tmp_path, notify=notices) as recording, recording.run("demo", "one") as run:
            record_epochs(run, (1,))
            recording.deliver()
            server.stop()
            record_epochs(run, (2, 3))
            recording.deliver()
            notices.await_("MLflow accepts no records now")
            server.start()
            record_epochs(run, (4,))
            recording.deliver()
            notices.await_("MLflow responds again")
        store = open_store(tmp_path)
        [found] = store.find_runs("demo")
        assert steps(store, found) == ([1, 2, 3, 4], [1, 2, 3, 4]) and found.status == "FINISHED"
    finally:
        server.stop()


def test_a_server_that_is_not_there_at_the_start_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(TrackingError, match="start that server"), opened(tmp_path):
        pytest.fail("opened")
    assert not list(tmp_path.iterdir())


def test_a_store_whose_making_was_interrupted_is_made_anew(tmp_path):
    (tmp_path / "mlflow.db.unfinished").write_bytes(b"SQLite format 3\0half")
    with opened(tmp_path) as recording, recording.run("demo", "one"):
        pass
    assert statuses(tmp_path) == {"one": "FINISHED"} and not (tmp_path / "mlflow.db.unfinished").exists()
