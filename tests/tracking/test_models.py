"""Models in a store: found again, loaded without sissi, and served."""

import ast
import base64
import importlib
import importlib.metadata
import io
import json
import os
import signal
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from sissi.config import Detector
from sissi.detector.model import build, detect, load, save
from sissi.tracking import MlflowRun, Store
from sissi.tracking.logged_model import MODEL_NEEDS
from tests.tracking.servers import await_answer, free_port

mlflow: Any = importlib.import_module("mlflow")  # after sissi.tracking, which sets what MLflow reads when imported


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained detector that finds something."""
    path = tmp_path_factory.mktemp("model") / "best model.pt"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save(build(Detector(preset="small"), (96, 128)), path)
    return path


@pytest.fixture(scope="module")
def logged(store: Store, model_file: Path) -> tuple[str, MlflowRun]:
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


def test_a_model_shows_parameters_and_latest_metrics(store: Store, client: Any, logged: tuple[str, MlflowRun]) -> None:
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
    store: Store, client: Any, logged: tuple[str, MlflowRun], model_file: Path, monkeypatch: pytest.MonkeyPatch
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
    store: Store, logged: tuple[str, MlflowRun], image: Any, tmp_path_factory: pytest.TempPathFactory
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
    found = detect(load(model_file), image)
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
    answers: dict[str, Any], store: Store, logged: tuple[str, MlflowRun]
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
@pytest.mark.skipif(sys.platform == "win32", reason="a server could not be stopped with its processes")
def test_a_model_is_served(store: Store, logged: tuple[str, MlflowRun], model_file: Path, image: Any) -> None:
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
        found = detect(load(model_file), image)
        certain = found.take(found.scores >= 0.2)
        assert len(certain) > 0
        for record in answer["predictions"]:
            assert np.allclose(record["boxes"], certain.xyxy, atol=1e-3)
            assert np.allclose(record["scores"], certain.scores, atol=1e-5)
            assert record["labels"] == certain.labels.tolist()
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


def test_a_served_model_names_every_package_that_it_imports():
    """Modules that are loaded with a model, in a process of their own, and what they import at their top."""
    code = (
        "import ast, sys, importlib.metadata, sissi.tracking.served_model, sissi.detector.model\n"
        "files = [module.__file__ for name, module in list(sys.modules.items()) if name.startswith('sissi')]\n"
        "nodes = [node for file in files for node in ast.parse(open(file, encoding='utf-8').read()).body]\n"
        "names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}\n"
        "names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}\n"
        "tops = {name.partition('.')[0] for name in names} - set(sys.stdlib_module_names) - {'sissi'}\n"
        "known = importlib.metadata.packages_distributions()\n"
        "print(*sorted('/'.join(known[name]).lower() for name in tops))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    with_torch = "filelock"
    assert {"timm", "torch", "numpy"} <= set(found)
    assert all({*MODEL_NEEDS, with_torch} & set(packages.split("/")) for packages in found)
