"""Stores: made, found and named when they cannot be used."""

import importlib
import importlib.metadata
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sissi
from sissi.errors import TrackingError
from sissi.tracking import MlflowRun, Store, open_store
from tests.tracking.servers import free_port

PACKAGE = Path(sissi.__file__).parent
mlflow: Any = importlib.import_module("mlflow")  # after sissi.tracking, which sets what MLflow reads when imported


CREATE = """
import pathlib, sys
from sissi.tracking import open_store
print("ready", flush=True)
sys.stdin.readline()
with open_store(pathlib.Path(sys.argv[1])).start_run("both", "one") as run:
    run.metrics({"loss": 1.0})
"""


def test_two_processes_create_a_store_at_once(tmp_path: Path) -> None:
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes: Any = [
        subprocess.Popen([sys.executable, "-c", CREATE, str(tmp_path)], text=True, **pipes) for _ in range(2)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=120)
    assert [process.returncode for process in processes] == [0, 0]
    assert [run.status for run in open_store(tmp_path).find_runs("both")] == ["FINISHED", "FINISHED"]


def test_the_environment_names_the_store(
    store: Store, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    other = open_store(tmp_path / "unused")
    with other.start_run("elsewhere", "one") as run:
        pass
    assert other.uri == store.uri
    assert client.get_run(run.id).info.run_name == "one"
    assert not (tmp_path / "unused").exists()


def test_a_server_that_does_not_answer_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@{address}")
    began = time.monotonic()
    with pytest.raises(TrackingError, match=f"http://{address}: .* unset it") as caught:
        open_store(tmp_path)
    assert time.monotonic() - began < 15
    assert "secret" not in str(caught.value)
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" not in os.environ


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(TrackingError, match=r"file/mlflow\.db.*--tracking"):
        open_store(tmp_path / "file")
    (tmp_path / "mlflow.db").write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(TrackingError, match=r"mlflow\.db: is not an SQLite database"):
        open_store(tmp_path)


def test_a_deleted_experiment_is_named(store: Store, client: Any) -> None:
    store.start_run("deleted", "one").end("FINISHED")
    client.delete_experiment(client.get_experiment_by_name("deleted").experiment_id)
    with pytest.raises(TrackingError, match=r"'deleted' was deleted .*`mlflow experiments restore"):
        store.start_run("deleted", "two")


@pytest.mark.parametrize(
    ("look_up", "message"),
    [
        (lambda store, known: store.run("0" * 32), "run 0000"),
        (lambda store, known: store.children("0" * 32), "run 0000"),
        (lambda store, known: store.resume_run("0" * 32), "run 0000"),
        (lambda store, known: store.artifact(known, "no.json"), "artifact no.json of run"),
        (lambda store, known: store.load_model_file("models:/m-0"), "model models:/m-0"),
        (lambda store, known: store.load_model_file("models:/none/1"), "model models:/none/1"),
        (lambda store, known: store.load_model_file(f"runs:/{known}/none"), "/none: no such model; write models:/m-ID"),
        (lambda store, known: store.load_model_file("best.pt"), "best.pt: no such model; write models:/m-ID"),
    ],
)
def test_what_is_unknown_is_named(
    store: Store, run: MlflowRun, look_up: Callable[[Store, str], Any], message: str
) -> None:
    with pytest.raises(TrackingError, match=message):
        look_up(store, run.id)


def test_nothing_else_imports_mlflow() -> None:
    users = {
        path.parent.name
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^\s*(import|from) mlflow", path.read_text(), re.M)
    }
    assert users == {"tracking"}
