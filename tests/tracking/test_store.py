"""What is written to MLflow is read back with MLflow's own client, from a real store."""

import ast
import base64
import importlib
import importlib.metadata
import io
import json
import math
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

import sissi
from sissi import detector
from sissi.errors import TrackingError
from sissi.settings import Detector
from sissi.tracking import ABLATION, Run, Store, open_store
from sissi.tracking import commit as code
from tests.tracking.servers import await_answer, free_port

PACKAGE = Path(sissi.__file__).parent
mlflow: Any = importlib.import_module("mlflow")  # after sissi.tracking, which sets what MLflow reads when imported


@pytest.fixture(scope="module", autouse=True)
def _no_server() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a store with spaces and é")


@pytest.fixture(scope="module")
def store(folder: Path) -> Store:
    return open_store(folder)


@pytest.fixture(scope="module")
def client(store: Store) -> Any:
    return mlflow.MlflowClient(store.uri)


@pytest.fixture
def run(store: Store) -> Iterator[Run]:
    with store.start_run("tests", "a run") as started:
        yield started


# --- runs -------------------------------------------------------------------------------------------------------------


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
    with pytest.raises(ValueError, match="shot"), store.start_run("resuming", "one") as run:
        run.params({"seed": 1})
        run.metrics({"loss": 3.0}, 1)
        run.metrics({"loss": 2.0}, 2)
        raise ValueError("shot")
    with store.resume_run(run.id) as again:
        assert store.run(run.id).status == "RUNNING"
        again.params({"seed": 1})
        again.metrics({"loss": 2.5}, 2)
        again.metrics({"loss": 1.0}, 3)
        with pytest.raises(mlflow.MlflowException, match="seed"):
            again.params({"seed": 2})
    assert store.run(run.id).status == "FINISHED"
    assert store.history(run.id, "loss") == [(1, 3.0), (2, 2.5), (3, 1.0)]


def test_a_run_names_user_program_and_commit(run: Run, client: Any) -> None:
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


# --- what a run holds -------------------------------------------------------------------------------------------------


def test_parameters_are_texts_or_json(run: Run, client: Any) -> None:
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
    run: Run, client: Any, store: Store, monkeypatch: pytest.MonkeyPatch
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
    assert store.metrics(run.id) == {"reader_1/AP50": 0.3, "reader_2/AP50": 3.0}
    assert store.history(run.id, "never written") == []


def test_numbers_that_are_not_finite_are_nan(run: Run, store: Store) -> None:
    run.metrics({"a": math.nan, "b": math.inf, "c": -math.inf, "d": 1})
    assert {key: math.isnan(value) for key, value in store.metrics(run.id).items()} == {
        "a": True,
        "b": True,
        "c": True,
        "d": False,
    }


def test_pictures_of_one_key_have_steps(run: Run, client: Any, store: Store) -> None:
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
def test_other_arrays_are_no_pictures(run: Run, picture: Any) -> None:
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8"):
        run.image("one", picture)


def test_texts_files_and_figures(run: Run, store: Store, tmp_path: Path) -> None:
    run.text("name: é\n", "experiment.yaml")
    run.json({"é": [1, None]}, "curves/adele.json")
    (tmp_path / "checkpoint.bin").write_bytes(b"123")
    run.file(tmp_path / "checkpoint.bin", "states")
    run.file(tmp_path / "checkpoint.bin")
    figure = Figure()
    figure.subplots().plot([1, 2])
    run.figure(figure, "figures/curve.png")
    assert store.artifact(run.id, "experiment.yaml").read_text(encoding="utf-8") == "name: é\n"
    assert json.loads(store.artifact(run.id, "curves/adele.json").read_text(encoding="utf-8")) == {"é": [1, None]}
    assert store.artifact(run.id, "states/checkpoint.bin").read_bytes() == b"123"
    assert store.artifact(run.id, "checkpoint.bin").read_bytes() == b"123"
    assert Image.open(store.artifact(run.id, "figures/curve.png")).size == (640, 480)
    assert [path.name for path in store.artifact(run.id, "curves").iterdir()] == ["adele.json"]


def test_a_table_is_replaced_and_not_appended_to(run: Run, client: Any, store: Store) -> None:
    for score in (0.1, 0.2):
        run.table({"variant": ["baseline", "a+sissi-s"], "AP50": [score, None]}, "tables/scores.json")
    table = pd.read_json(store.artifact(run.id, "tables/scores.json"), orient="split")
    assert table["variant"].tolist() == ["baseline", "a+sissi-s"]
    assert table["AP50"].iloc[0] == 0.2
    assert json.loads(client.get_run(run.id).data.tags["mlflow.loggedArtifacts"]) == [
        {"path": "tables/scores.json", "type": "table"}
    ]


def test_data_sets_have_a_digest_and_a_role(run: Run, client: Any) -> None:
    run.dataset("target_train", "f" * 64, "/data/cell_lab", "training", {"images": 224, "boxes": 9000})
    run.dataset("source_val", "0a1b", "/data/cellpose", "validation", {"images": 68})
    inputs = {one.dataset.name: one for one in client.get_run(run.id).inputs.dataset_inputs}
    train = inputs["target_train"]
    assert (train.dataset.digest, inputs["source_val"].dataset.digest) == ("f" * 36, "0a1b")
    assert [(tag.key, tag.value) for tag in train.tags] == [("mlflow.data.context", "training")]
    assert json.loads(train.dataset.source) == {"uri": "/data/cell_lab"}
    assert json.loads(train.dataset.profile) == {"images": 224, "boxes": 9000}


# --- models -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained detector that finds something."""
    path = tmp_path_factory.mktemp("model") / "best model.pt"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector.save(detector.build(Detector(preset="small"), (96, 128)), path)
    return path


@pytest.fixture(scope="module")
def logged(store: Store, model_file: Path) -> tuple[str, Run]:
    """The address of a logged model, and its run."""
    with store.start_run("models", "one") as run:
        run.params({"seed": 3})
        run.metrics({"val/AP50": 0.1}, 1)
        run.metrics({"val/AP50": 0.2}, 2)
        return run.model(model_file, step=2), run


@pytest.fixture(scope="module")
def image() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


def _png(image: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_model_shows_parameters_and_latest_metrics(store: Store, client: Any, logged: tuple[str, Run]) -> None:
    address, run = logged
    model = client.get_logged_model(address.removeprefix("models:/"))
    assert (model.name, model.source_run_id, model.status) == ("model", run.id, "READY")
    assert model.params == {"seed": "3"}
    assert [(metric.key, metric.value, metric.step) for metric in model.metrics] == [("val/AP50", 0.2, 2)]
    assert [output.model_id for output in client.get_run(run.id).outputs.model_outputs] == [model.model_id]
    assert store.history(run.id, "val/AP50") == [(1, 0.1), (2, 0.2)]


def test_logging_a_model_changes_nothing_around_it(store: Store, model_file: Path) -> None:
    path, state, uri = list(sys.path), torch.get_rng_state(), os.environ.get("MLFLOW_TRACKING_URI")
    with store.start_run("models", "two") as run:
        run.model(model_file)
    assert (sys.path, os.environ.get("MLFLOW_TRACKING_URI")) == (path, uri)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_file_of_a_model_is_found_again(
    store: Store, client: Any, logged: tuple[str, Run], model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, run = logged
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)  # MLflow looks for the model there, whatever the client says
    client.create_registered_model("cells")
    client.create_model_version("cells", address, run.id)
    client.set_registered_model_alias("cells", "best", "1")
    for uri in (address, f"runs:/{run.id}/model", "models:/cells/1", "models:/cells@best"):
        found = store.load_model_file(uri)
        assert found.name == "best model.pt"
        assert found.read_bytes() == model_file.read_bytes()


LOAD = """
import importlib.util, json, sys
sys.path.append(sys.argv[1])
assert importlib.util.find_spec("sissi") is None, "sissi is installed here: this proves nothing"
import mlflow, numpy, pandas
model = mlflow.pyfunc.load_model(sys.argv[2])
image = numpy.load(sys.argv[3])
example = model.metadata.load_input_example(sys.argv[2])
json.dump({
    "one": model.predict(image),
    "two": model.predict(numpy.stack([image, 255 - image]), params={"score_threshold": 0.3}),
    "none": model.predict(image, params={"score_threshold": 1.0}),
    "example": model.predict(example),
    "modules": {name: one.__file__ for name, one in sys.modules.items() if name.split(".")[0] == "sissi"},
    "heavy": sorted({"optuna", "typer", "albumentations"} & set(sys.modules)),
}, open(sys.argv[4], "w"))
"""


@pytest.fixture(scope="module")
def answers(
    store: Store, logged: tuple[str, Run], image: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the logged model answers in a process to which sissi is unknown."""
    folder = tmp_path_factory.mktemp("elsewhere")
    np.save(folder / "image.npy", image)
    model = store.load_model_file(logged[0]).parents[1]
    packages = sysconfig.get_path("purelib")
    if (Path(packages) / "sissi").exists():
        pytest.skip("sissi is installed among the packages that the model needs")
    # without site (-S) there are no .pth files, so no editable installs
    files = [str(path) for path in (model, folder / "image.npy", folder / "answers.json")]
    subprocess.run([sys.executable, "-I", "-S", "-c", LOAD, packages, *files], check=True, cwd=folder)
    content: dict[str, Any] = json.loads((folder / "answers.json").read_text())
    return content


def test_a_model_loads_without_sissi_and_finds_the_same(answers: dict[str, Any], model_file: Path, image: Any) -> None:
    found = detector.detect(detector.load(model_file), image)
    [record] = answers["one"]
    assert len(found) > 0
    assert np.allclose(record["boxes"], found.xyxy, atol=1e-3)
    assert np.allclose(record["scores"], found.scores, atol=1e-5)
    assert record["labels"] == found.labels.tolist()
    first, second = answers["two"]
    assert first["scores"] == [score for score in record["scores"] if score >= 0.3]
    assert second["scores"] != first["scores"]
    assert answers["none"] == [{"boxes": [], "scores": [], "labels": []}]
    assert [set(one) for one in answers["example"]] == [{"boxes", "scores", "labels"}]


def test_a_model_brings_its_code_and_names_what_that_imports(
    answers: dict[str, Any], store: Store, logged: tuple[str, Run]
) -> None:
    model = store.load_model_file(logged[0]).parents[1]
    assert all(Path(path).is_relative_to(model / "code") for path in answers["modules"].values())
    assert answers["heavy"] == []
    imported = {"mlflow"}.union(*(_imports(Path(path)) for path in answers["modules"].values()))
    owners = importlib.metadata.packages_distributions()
    stated = {line.partition("==")[0] for line in (model / "requirements.txt").read_text().splitlines()}
    unstated = {
        name for name in imported - set(sys.stdlib_module_names) if not stated & {*map(str.lower, owners[name])}
    }
    assert unstated == {"sissi"}


def _imports(path: Path) -> set[str]:
    """The packages that a module imports when it is imported."""
    statements = ast.parse(path.read_text()).body
    plain = {name.name for one in statements if isinstance(one, ast.Import) for name in one.names}
    origins = {one.module for one in statements if isinstance(one, ast.ImportFrom) and one.module}
    return {name.partition(".")[0] for name in plain | origins}


def test_image_files_are_read_from_text_or_bytes(image: Any) -> None:
    from sissi.tracking.served_model import images_in

    content = _png(image)
    text = base64.encodebytes(content).decode()  # with line breaks
    for column in ([content, content], [text, text]):
        first, second = images_in(pd.DataFrame({"image": column}))
        assert np.array_equal(first, image)
        assert np.array_equal(second, image)
    assert np.array_equal(images_in({"image": [text]})[0], image)
    assert images_in(pd.DataFrame({"image": []})) == []


@pytest.mark.parametrize(
    ("model_input", "message"),
    [
        (np.zeros((4, 4, 3)), "uint8 RGB .* not float64"),
        (np.zeros((4, 4), np.uint8), r"not uint8 of \(4, 4\)"),
        (np.zeros((2, 0, 4, 3), np.uint8), r"not uint8 of \(2, 0, 4, 3\)"),
        (pd.DataFrame({"picture": ["x"]}), r"column `image`; its columns are \['picture'\]"),
        (pd.DataFrame({"image": ["no base64!"]}), "image 0: is not base64"),
        (pd.DataFrame({"image": [_png(np.zeros((4, 4), np.uint8)), b"no image"]}), "image 1: is not a PNG"),
        (pd.DataFrame({"image": [None]}), "image 0: a base64 string or the bytes"),
        ("image.png", "not str"),
    ],
)
def test_wrong_input_is_named(model_input: Any, message: str) -> None:
    from sissi.tracking.served_model import images_in

    with pytest.raises(mlflow.MlflowException, match=message) as caught:
        images_in(model_input)
    assert caught.value.get_http_status_code() == 400


@pytest.mark.slow
def test_a_model_is_served(store: Store, logged: tuple[str, Run], image: Any) -> None:
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", logged[0], "-p", str(port)]
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    process = subprocess.Popen(
        [*command, "--env-manager", "local"],
        env={**os.environ, "MLFLOW_TRACKING_URI": store.uri, "PATH": paths},
        start_new_session=True,
    )
    try:
        await_answer(process, f"http://127.0.0.1:{port}/ping")
        content = base64.b64encode(_png(image)).decode()
        body = {"dataframe_records": [{"image": content}] * 2, "params": {"score_threshold": 0.2}}
        answer = _post(f"http://127.0.0.1:{port}/invocations", body)
        assert [set(record) for record in answer["predictions"]] == [{"boxes", "scores", "labels"}] * 2
        with pytest.raises(urllib.error.HTTPError) as caught:
            _post(f"http://127.0.0.1:{port}/invocations", {"dataframe_records": [{"image": "no base64!"}]})
        assert caught.value.code == 400
        assert "image 0: is not base64" in caught.value.read().decode()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(  # noqa: S310
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


# --- stores -----------------------------------------------------------------------------------------------------------


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
    with pytest.raises(TrackingError, match=r"file/mlflow\.db.*--set tracking\.folder"):
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
        (lambda store, known: store.load_model_file(f"runs:/{known}/none"), "/none: write it as models:/m-ID"),
        (lambda store, known: store.load_model_file("best.pt"), "best.pt: write it as models:/m-ID"),
    ],
)
def test_what_is_unknown_is_named(
    store: Store, logged: tuple[str, Run], look_up: Callable[[Store, str], Any], message: str
) -> None:
    with pytest.raises(TrackingError, match=message):
        look_up(store, logged[1].id)


def test_nothing_else_imports_mlflow() -> None:
    users = {
        path.parent.name
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^\s*(import|from) mlflow", path.read_text(), re.M)
    }
    assert users == {"tracking"}
