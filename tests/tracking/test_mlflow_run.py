"""A run: how it begins and ends, and what it holds, read back with MLflow's own client."""

import importlib
import importlib.metadata
import json
import math
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import sissi
from sissi.runtime.events import Picture
from sissi.tracking import ABLATION, MlflowRun, Store
from sissi.tracking import commit as code

PACKAGE = Path(sissi.__file__).parent
mlflow: Any = importlib.import_module("mlflow")  # after sissi.tracking, which sets what MLflow reads when imported


def test_a_store_is_a_database_and_a_folder_of_artifacts(store: Store, client: Any, folder: Path) -> None:
    with store.start_run("layout", "one") as run:
        run.text("hello", "notes/hello.txt")
    assert store.uri == f"sqlite:///{folder}/mlflow.db"
    assert client.get_experiment_by_name("layout").artifact_location == (folder / "artifacts").as_uri()
    assert [path.read_text() for path in (folder / "artifacts").rglob("hello.txt")] == ["hello"]
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_runs_are_nested_named_and_tagged(store: Store, client: Any) -> None:
    with store.start_run("nesting", "ablation of demo", tags=ABLATION) as parent:
        for name in ("baseline", "a+sissi-s"):
            with store.start_run("nesting", name, parent=parent, tags={"variant": name}):
                pass
    with store.start_run("nesting", "another"):
        pass
    children = store.children(parent.id)
    assert [(child.name, child.tags["variant"], child.parent) for child in children] == [
        ("baseline", "baseline", parent.id),
        ("a+sissi-s", "a+sissi-s", parent.id),
    ]
    assert client.get_parent_run(children[0].id).info.run_id == parent.id
    assert [run.name for run in store.find_runs("nesting")] == ["another", "a+sissi-s", "baseline", "ablation of demo"]
    assert [run.name for run in store.find_runs("nesting", "tags.variant = 'a+sissi-s'")] == ["a+sissi-s"]
    latest = store.latest_ablation()
    assert latest is not None
    assert (latest.id, latest.parent) == (parent.id, None)
    assert store.find_runs("no such experiment") == []


@pytest.mark.parametrize(
    ("reason", "status"),
    [(None, "FINISHED"), (ValueError(), "FAILED"), (SystemExit(2), "FAILED"), (KeyboardInterrupt(), "KILLED")],
)
def test_a_run_says_how_it_ended(store: Store, client: Any, reason: BaseException | None, status: str) -> None:
    run = store.start_run("endings", "one")
    assert client.get_run(run.id).info.status == "RUNNING"
    try:
        with run:
            if reason:
                raise reason
    except BaseException as raised:
        assert raised is reason
    assert client.get_run(run.id).info.status == status
    assert client.get_run(run.id).info.end_time


def test_an_explicit_end_is_kept(store: Store) -> None:
    with store.start_run("endings", "two") as run:
        run.end("KILLED")
    assert store.run(run.id).status == "KILLED"


def test_a_run_that_cannot_be_ended_keeps_its_own_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise mlflow.MlflowException("the server is gone")

    run = store.start_run("endings", "three")
    monkeypatch.setattr(run._client, "set_terminated", refuse)
    with pytest.raises(ValueError, match="bad") as caught, run:
        raise ValueError("bad batch")
    assert "the server is gone" in caught.value.__notes__[0]


def test_a_run_is_resumed(store: Store) -> None:
    with pytest.raises(ValueError, match="killed"), store.start_run("resuming", "one") as run:
        run.params({"seed": 1})
        run.metrics({"loss": 3.0}, 1)
        run.metrics({"loss": 2.0}, 2)
        raise ValueError("killed")
    with store.resume_run(run.id) as again:
        assert store.run(run.id).status == "RUNNING"
        again.params({"seed": 1})
        again.metrics({"loss": 2.5}, 2)
        again.metrics({"loss": 1.0}, 3)
        with pytest.raises(mlflow.MlflowException, match="seed"):
            again.params({"seed": 2})
    assert store.run(run.id).status == "FINISHED"
    assert store.history(run.id, "loss") == [(1, 3.0), (2, 2.5), (3, 1.0)]


def test_a_run_names_user_program_and_commit(run: MlflowRun, client: Any) -> None:
    tags = client.get_run(run.id).data.tags
    assert {"mlflow.user", "mlflow.source.name"} <= set(tags)
    answer = subprocess.run(["git", "-C", PACKAGE, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if answer.returncode:
        pytest.skip("the tests do not run in a git checkout")
    assert tags["mlflow.source.git.commit"] == answer.stdout.strip()


def test_the_commit_is_that_of_the_checkout_and_says_whether_it_is_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def tags() -> dict[str, str]:
        return code.commit_tags.__wrapped__()

    monkeypatch.setattr(code, "__file__", str(tmp_path / "site-packages" / "sissi" / "tracking" / "commit.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert tags() == {}  # no checkout
    git("init", "--quiet")
    (tmp_path / "experiment.yaml").write_text("name: a")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    commit = git("rev-parse", "HEAD")
    assert tags() == {"mlflow.source.git.commit": commit, "sissi.uncommitted_changes": "false"}
    (tmp_path / "experiment.yaml").write_text("name: b")
    assert tags() == {"mlflow.source.git.commit": commit, "sissi.uncommitted_changes": "true"}


def test_parameters_are_texts_or_json(run: MlflowRun, client: Any) -> None:
    run.params({"name": "demo é", "none": None, "yes": True, "sizes": [[12, 18], [26, 38]], "empty": "", "rate": 1e-3})
    run.params({"test.readers.reader+1.format": "voc", "long": "x" * 7000})
    run.params({f"many.key_{index}": index for index in range(250)})
    params = client.get_run(run.id).data.params
    assert params["name"] == "demo é"
    assert (params["none"], params["yes"], params["sizes"]) == ("null", "true", "[[12, 18], [26, 38]]")
    assert (params["empty"], params["rate"]) == ("", "0.001")
    assert params["test.readers.reader_1.format"] == "voc"
    assert params["long"] == "x" * 5997 + "..."
    assert params["many.key_249"] == "249"


def test_metrics_have_steps_and_take_one_call_each(
    run: MlflowRun, client: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    log_batch = run._client.log_batch

    def count(*arguments: Any, **named: Any) -> None:
        calls.append(arguments)
        log_batch(*arguments, **named)

    monkeypatch.setattr(run._client, "log_batch", count)
    for step in (1, 2, 3):
        run.metrics({"reader_1/AP50": step / 10, "reader_2/AP50": float(step)}, step)
    assert len(calls) == 3
    points = client.get_metric_history(run.id, "reader_1/AP50")
    assert [(point.step, point.value) for point in points] == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert store.history(run.id, "reader_2/AP50") == [(1, 1.0), (2, 2.0), (3, 3.0)]
    assert store.run(run.id).metrics == {"reader_1/AP50": 0.3, "reader_2/AP50": 3.0}
    assert store.history(run.id, "never written") == []


def test_numbers_that_are_not_finite_are_nan(run: MlflowRun, store: Store) -> None:
    run.metrics({"a": math.nan, "b": math.inf, "c": -math.inf, "d": 1})
    assert {key: math.isnan(value) for key, value in store.run(run.id).metrics.items()} == {
        "a": True,
        "b": True,
        "c": True,
        "d": False,
    }


def test_pictures_of_one_key_have_steps(run: MlflowRun, client: Any, store: Store) -> None:
    picture = np.zeros((6, 8, 3), np.uint8)
    picture[2, 3] = 255, 0, 7
    run.image("pseudo labels/a+b_1.png", picture, 3)
    run.image("pseudo labels/a+b_1.png", picture, 6)
    paths = sorted(file.path for file in client.list_artifacts(run.id, "images") if file.path.endswith(".png"))
    # the names that MLflow's pages look for, with the tag that makes them look
    assert [re.findall(r"images/pseudo labels~a_b_1\.png\+step\+(\d+)\+timestamp", path) for path in paths] == [
        ["3"],
        ["6"],
    ]
    assert client.get_run(run.id).data.tags["mlflow.loggedImages"] == "True"
    assert np.array_equal(np.asarray(Image.open(store.artifact(run.id, paths[0]))), picture)


@pytest.mark.parametrize("picture", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_other_arrays_are_no_pictures(run: MlflowRun, picture: Any) -> None:
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8"):
        run.image("one", picture)


def test_texts_and_files(run: MlflowRun, store: Store, tmp_path: Path) -> None:
    run.text("name: é\n", "experiment.yaml")
    run.json({"é": [1, None]}, "curves/adele.json")
    (tmp_path / "checkpoint.bin").write_bytes(b"123")
    run.file(tmp_path / "checkpoint.bin", "states")
    run.file(tmp_path / "checkpoint.bin")
    assert store.artifact(run.id, "experiment.yaml").read_text(encoding="utf-8") == "name: é\n"
    assert json.loads(store.artifact(run.id, "curves/adele.json").read_text(encoding="utf-8")) == {"é": [1, None]}
    assert store.artifact(run.id, "states/checkpoint.bin").read_bytes() == b"123"
    assert store.artifact(run.id, "checkpoint.bin").read_bytes() == b"123"
    assert [path.name for path in store.artifact(run.id, "curves").iterdir()] == ["adele.json"]


def test_a_table_is_replaced_and_not_appended_to(run: MlflowRun, client: Any, store: Store) -> None:
    for score in (0.1, 0.2):
        run.table({"variant": ["baseline", "a+sissi-s"], "AP50": [score, None]}, "tables/scores.json")
    table = pd.read_json(store.artifact(run.id, "tables/scores.json"), orient="split")
    assert table["variant"].tolist() == ["baseline", "a+sissi-s"]
    assert table["AP50"].iloc[0] == 0.2
    assert json.loads(client.get_run(run.id).data.tags["mlflow.loggedArtifacts"]) == [
        {"path": "tables/scores.json", "type": "table"}
    ]


def test_data_sets_have_a_digest_and_a_role(run: MlflowRun, client: Any) -> None:
    run.dataset("target_train", "f" * 64, "/data/cell_lab", "training", {"images": 224, "boxes": 9000})
    run.dataset("source_val", "0a1b", "/data/cellpose", "validation", {"images": 68})
    inputs = {one.dataset.name: one for one in client.get_run(run.id).inputs.dataset_inputs}
    train = inputs["target_train"]
    assert (train.dataset.digest, inputs["source_val"].dataset.digest) == ("f" * 36, "0a1b")
    assert [(tag.key, tag.value) for tag in train.tags] == [("mlflow.data.context", "training")]
    assert json.loads(train.dataset.source) == {"uri": "/data/cell_lab"}
    assert json.loads(train.dataset.profile) == {"images": 224, "boxes": 9000}


@pytest.mark.parametrize("damage", ["large cut", "small cut", "small gone"])
def test_a_picture_that_arrived_in_part_is_removed_and_counts_as_not_there(
    store: Store, run: MlflowRun, damage: str
) -> None:
    picture = np.full((20, 30, 3), 7, np.uint8)
    run.image("labels/a.png", picture, 3)
    event = Picture("labels/a.png", picture, 3)
    assert run.has(event)
    folder = store.artifact(run.id, "images")
    [path] = folder.glob("*.png" if "large" in damage else "*.webp")
    if "gone" in damage:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:40])
    assert not run.has(event) and not list(folder.iterdir())
    run.image("labels/a.png", picture, 3)
    assert run.has(event) and len(list(folder.iterdir())) == 2
