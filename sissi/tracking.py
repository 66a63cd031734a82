"""MLflow: where runs, metrics, pictures and models go, and how they are read back. Nothing else imports mlflow.

One process writes. Others send it what to write, so every argument here is plain data: numbers, texts, arrays, paths.
All calls name their run; MLflow's "active run" and its global address are left alone.
"""

from __future__ import annotations

import base64
import importlib.metadata
import io
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pandas as pd
from filelock import FileLock
from PIL import Image

from sissi.errors import TrackingError

# MLflow reads these when it is imported
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

import mlflow
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    ViewType,
)
from mlflow.models import Model, ModelSignature
from mlflow.tracking.context.registry import resolve_tags
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array

Status = Literal["FINISHED", "FAILED", "KILLED"]
ABLATION = {"sissi.kind": "ablation"}
"""The tag of a run that is a whole ablation; `Store.latest_ablation` looks for it."""
PARENT = "mlflow.parentRunId"
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
"""Stores without a server: whoever creates an experiment says where its artifacts go."""
PARAMS_A_CALL, METRICS_A_CALL, PARAM_LENGTH, DIGEST_LENGTH = 100, 1000, 6000, 36
"""Limits of MLflow."""
MODEL_NEEDS = (
    *("mlflow", "torch", "torchvision", "numpy", "pandas", "pydantic"),
    *("opencv-python-headless", "pillow", "tifffile"),
)
"""Packages that a logged model imports."""


@dataclass(frozen=True)
class RunRecord:
    """What a store knows of a run.

    Attributes:
        id: MLflow's, 32 hexadecimal digits.
        name: as given to `Store.start_run`.
        status: RUNNING, FINISHED, FAILED or KILLED; a process that was shot leaves RUNNING behind.
        parent: id of the run around it, or None.
        tags, params: texts by key.
        metrics: the latest value of each; may be nan.
    """

    id: str
    name: str
    status: str
    parent: str | None
    tags: dict[str, str]
    params: dict[str, str]
    metrics: dict[str, float]


def open_store(folder: Path) -> Store:
    """The MLflow store of a folder, created where it does not exist: `mlflow.db` and `artifacts/`.

    The environment variable MLFLOW_TRACKING_URI, if set, names another store and wins; a server also decides where
    artifacts go. Several processes may open, and so create, the same store at once.

    Raises:
        TrackingError: the folder cannot be written, or the server does not answer within seconds.
    """
    folder = folder.resolve()
    uri = os.environ.get("MLFLOW_TRACKING_URI", "").strip() or _sqlite(folder / "mlflow.db")
    with _explained(uri, folder), _alone(uri), _impatient():
        client = mlflow.MlflowClient(tracking_uri=uri)
        client.search_experiments(max_results=1)
    return Store(client, (folder / "artifacts").as_uri() if uri.startswith(DATABASES) else None)


class Store:
    """An MLflow store that answers: made by `open_store`."""

    def __init__(self, client: Any, artifacts: str | None) -> None:
        self._client = client
        self._artifacts = artifacts

    @property
    def uri(self) -> str:
        """MLflow's address of the store, as in `mlflow ui --backend-store-uri ADDRESS`."""
        return str(self._client.tracking_uri)

    def start_run(
        self, experiment: str, name: str, *, parent: Run | None = None, tags: Mapping[str, str] | None = None
    ) -> Run:
        """Start a run, inside another one if `parent` is given; the experiment is created when it is new.

        The run says who started it, from which program, and from which commit of the code.
        """
        nested = {PARENT: parent.id} if parent else {}
        labelled = resolve_tags({**_commit_tags(), **nested, **(tags or {})})
        run = self._client.create_run(self._experiment(experiment), run_name=name, tags=labelled)
        return Run(self._client, run.info.run_id)

    def resume_run(self, run_id: str) -> Run:
        """Go on with a run that ended or was shot. Parameters cannot change, metrics of repeated steps are replaced."""
        with _known(f"run {run_id}"):
            self._client.update_run(run_id, status="RUNNING")
        return Run(self._client, run_id)

    def run(self, run_id: str) -> RunRecord:
        """What is known of one run."""
        with _known(f"run {run_id}"):
            return _record(self._client.get_run(run_id))

    def find_runs(self, experiment: str, filter: str = "") -> list[RunRecord]:
        """Runs of an experiment, newest first, that MLflow's filter lets through, such as "params.seed = '1'"."""
        found = self._client.get_experiment_by_name(experiment)
        return self._search([found.experiment_id], filter) if found else []

    def latest_ablation(self) -> RunRecord | None:
        """The newest run with the tag `ABLATION`, in any experiment and of any status."""
        [(key, value)] = ABLATION.items()
        everywhere = [one.experiment_id for one in self._client.search_experiments()]
        return next(iter(self._search(everywhere, f"tags.`{key}` = '{value}'", limit=1)), None)

    def children(self, run_id: str) -> list[RunRecord]:
        """The runs directly inside a run, in the order in which they were started."""
        with _known(f"run {run_id}"):
            experiment = self._client.get_run(run_id).info.experiment_id
        return self._search([experiment], f"tags.`{PARENT}` = '{run_id}'")[::-1]

    def metrics(self, run_id: str) -> dict[str, float]:
        """The latest value of each metric of a run."""
        return self.run(run_id).metrics

    def history(self, run_id: str, key: str) -> list[tuple[int, float]]:
        """(step, value) of a metric in the order of steps; of a step that was written twice, the later value."""
        with _known(f"run {run_id}"):
            points = self._client.get_metric_history(run_id, _key(key))
        return sorted({point.step: point.value for point in sorted(points, key=lambda one: one.timestamp)}.items())

    def artifact(self, run_id: str, path: str) -> Path:
        """A file or folder that a run holds, on this machine: downloaded if it is elsewhere, else in its place."""
        with _known(f"artifact {path} of run {run_id}"):
            folder = self._client.get_run(run_id).info.artifact_uri
            return Path(mlflow.artifacts.download_artifacts(f"{folder}/{path}", tracking_uri=self.uri))

    def load_model_file(self, model_uri: str) -> Path:
        """The detector's file inside a logged model, on this machine, for `sissi.detector.load`.

        Args:
            model_uri: `models:/m-...` as `Run.model` gives it, `runs:/RUN/model`, or `models:/NAME/VERSION`.
        """
        with _known(f"model {model_uri}"):
            location = self._model_location(model_uri)
            folder = mlflow.artifacts.download_artifacts(f"{location}/artifacts", tracking_uri=self.uri)
            return next(Path(folder).iterdir())

    def _model_location(self, model_uri: str) -> str:
        """Where a model's files are. MLflow's own look-up of `models:/` asks its global store instead of this one."""
        kind, _, place = model_uri.partition(":/")
        first, separator, second = re.match(r"([^/@]*)([/@]?)(.*)", place).groups()  # type: ignore[union-attr]
        if kind == "models" and separator == "@":
            second = self._client.get_model_version_by_alias(first, second).version
        if kind == "models" and separator:
            return str(self._client.get_model_version_download_uri(first, second))
        if kind == "models":
            return str(self._client.get_logged_model(first).artifact_location)
        outputs = self._client.get_run(first).outputs.model_outputs if kind == "runs" else []
        models = [self._client.get_logged_model(output.model_id) for output in outputs]
        named = [model for model in models if model.name == second]
        if not named:
            raise TrackingError(
                f"model {model_uri}: write it as models:/m-ID or runs:/RUN/NAME of a run with that model"
            )
        return str(max(named, key=lambda model: model.creation_timestamp).artifact_location)

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self._client.create_experiment(name, artifact_location=self._artifacts))
            except mlflow.MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                found = self._client.get_experiment_by_name(name)  # another process was faster
        if found.lifecycle_stage == "deleted":
            raise TrackingError(
                f"experiment {name!r} was deleted in MLflow: take another name, or bring it back with "
                f"`mlflow experiments restore --experiment-id {found.experiment_id}`"
            )
        return str(found.experiment_id)

    def _search(self, experiments: list[str], filter: str, limit: int | None = None) -> list[RunRecord]:
        """Runs of some experiments, newest first."""
        found: list[RunRecord] = []
        token = None
        while limit is None or len(found) < limit:
            page = self._client.search_runs(
                experiments, filter, ViewType.ACTIVE_ONLY, limit or 1000, ["attributes.start_time DESC"], token
            )
            found += map(_record, page)
            token = page.token
            if not token:
                break
        return found


class Run:
    """A run that is being written.

    As a context manager it ends FINISHED, on an exception FAILED, on Ctrl-C KILLED.
    """

    def __init__(self, client: Any, run_id: str) -> None:
        self._client = client
        self._ended = False
        self.id = run_id

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._ended:
            return
        if kind is None:
            self.end("FINISHED")
            return
        try:
            self.end("KILLED" if issubclass(kind, KeyboardInterrupt) else "FAILED")
        except Exception as fault:  # the reason why the run failed matters more than that MLflow did not take it
            if error:
                error.add_note(f"MLflow run {self.id} could not be marked as ended: {fault}")

    def end(self, status: Status) -> None:
        """Say how the run ended; leaving its `with` block then changes nothing."""
        self._client.set_terminated(self.id, status)
        self._ended = True

    def params(self, values: Mapping[str, Any]) -> None:
        """Write parameters: texts as they are, everything else as JSON; MLflow takes 6000 characters of each.

        Raises:
            mlflow.MlflowException: a parameter that the run has with another value.
        """
        params = [Param(_key(key), _text(value)) for key, value in values.items()]
        for start in range(0, len(params), PARAMS_A_CALL):
            self._client.log_batch(self.id, params=params[start : start + PARAMS_A_CALL])

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Write the metrics of one step in one call. A slash in a key groups it in MLflow's pages.

        MLflow keeps nan, but would turn infinity into 1.8e308, which no chart survives: it is written as nan.
        """
        now = int(time.time() * 1000)
        metrics = [Metric(_key(key), _number(value), now, step) for key, value in values.items()]
        for start in range(0, len(metrics), METRICS_A_CALL):
            self._client.log_batch(self.id, metrics=metrics[start : start + METRICS_A_CALL])

    def image(self, key: str, image: npt.NDArray[np.uint8], step: int = 0) -> None:
        """Write a (H, W, 3) uint8 RGB picture; MLflow shows those of one key as a grid with a slider for the step."""
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"a picture is (H, W, 3) uint8, not {image.shape} {image.dtype}")
        self._client.log_image(self.id, image, key=re.sub(r"[^a-zA-Z0-9_\-./ ]", "_", key), step=step)

    def text(self, text: str, path: str) -> None:
        """Write a text as an artifact, such as `experiment.yaml`."""
        self._client.log_text(self.id, text, path)

    def json(self, content: Any, path: str) -> None:
        """Write a JSON value as an artifact."""
        self.text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", path)

    def table(self, columns: Mapping[str, Sequence[Any]], path: str) -> None:
        """Write a table, a sequence of equal length for each column, to a path that ends in `.json`.

        It replaces what is there, where MLflow's own log_table would append. MLflow shows it as a table.
        """
        self.text(pd.DataFrame(dict(columns)).to_json(orient="split", index=False), path)
        known = json.loads(self._client.get_run(self.id).data.tags.get("mlflow.loggedArtifacts", "[]"))
        entry = {"path": path, "type": "table"}
        if entry not in known:
            self._client.set_tag(self.id, "mlflow.loggedArtifacts", json.dumps([*known, entry]))

    def figure(self, figure: Any, path: str) -> None:
        """Write a matplotlib figure to a path such as `figures/curve.png`; the figure stays open."""
        self._client.log_figure(self.id, figure, path)

    def file(self, local_path: Path, folder: str = "") -> None:
        """Copy a local file to a folder of the run's artifacts."""
        self._client.log_artifact(self.id, str(local_path), folder or None)

    def dataset(self, name: str, digest: str, source: str, role: str, profile: Mapping[str, Any]) -> None:
        """Say which data the run used.

        Args:
            name: such as target_train.
            digest: of its content; MLflow keeps the first 36 characters.
            source: where it is: a path or an address.
            role: what for, such as training, validation or test.
            profile: its numbers, such as images and boxes; JSON values.
        """
        dataset = Dataset(
            name, digest[:DIGEST_LENGTH], "local", json.dumps({"uri": source}), profile=json.dumps(dict(profile))
        )
        self._client.log_inputs(self.id, datasets=[DatasetInput(dataset, [InputTag("mlflow.data.context", role)])])

    def model(self, model_file: Path, name: str = "model", step: int = 0) -> str:
        """Keep a detector's file as a model that `mlflow models serve` runs; see `mlflow_model` for input and output.

        The model carries the code of this package, so that it loads where sissi is not installed. It takes over the
        run's parameters and the metrics of this moment.

        Returns:
            Its address, `models:/m-...`; `runs:/RUN/NAME` also finds it.
        """
        run = self._client.get_run(self.id)
        logged = self._client.create_logged_model(
            run.info.experiment_id, name=name, source_run_id=self.id, params=run.data.params
        )
        try:
            self._client.log_outputs(self.id, models=[LoggedModelOutput(logged.model_id, step=step)])
            self._model_metrics(run.data.metrics, logged.model_id)
            with tempfile.TemporaryDirectory() as folder:
                _write_model(Path(folder) / "model", model_file, logged, self.id)
                self._client.log_model_artifacts(logged.model_id, str(Path(folder) / "model"))
        except BaseException:
            self._client.finalize_logged_model(logged.model_id, LoggedModelStatus.FAILED)
            raise
        self._client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
        return f"models:/{logged.model_id}"

    def _model_metrics(self, keys: Mapping[str, float], model_id: str) -> None:
        """Show the latest point of each metric beside the model, as `mlflow.log_metric(..., model_id=)` does."""
        latest = [self._client.get_metric_history(self.id, key)[-1] for key in keys]
        metrics = [Metric(one.key, one.value, one.timestamp, one.step, model_id, run_id=self.id) for one in latest]
        self._client.log_batch(self.id, metrics=metrics)


def _write_model(folder: Path, model_file: Path, logged: Any, run_id: str) -> None:
    """Write a model folder as MLflow loads and serves it: the weights, this package, and one file that is executed.

    The steps of MLflow's log_model without its last, which loads the model into this process to try it: that draws
    from torch's random state and prepends a folder to sys.path that is gone afterwards. A test tries it instead.
    """
    package = Path(__file__).parent
    mlflow.pyfunc.save_model(
        path=str(folder),
        python_model=str(package / "mlflow_model.py"),
        artifacts={"detector": str(model_file.resolve())},
        code_paths=[str(package)],
        pip_requirements=[f"{name}=={_release(name)}" for name in MODEL_NEEDS],
        signature=_signature(),
        input_example=_example(),
        mlflow_model=Model(
            artifact_path=logged.artifact_location, model_uuid=logged.model_id, run_id=run_id, model_id=logged.model_id
        ),
    )


def _signature() -> ModelSignature:
    """No schema of the input: MLflow has schemas of columns or of arrays, and the model takes either."""
    numbers = Array(DataType.double)
    outputs = Schema(
        [ColSpec(Array(numbers), "boxes"), ColSpec(numbers, "scores"), ColSpec(Array(DataType.long), "labels")]
    )
    return ModelSignature(outputs=outputs, params=ParamSchema([ParamSpec("score_threshold", DataType.double, 0.05)]))


def _example() -> tuple[pd.DataFrame, dict[str, float]]:
    """An input with its parameters, as a client sends them: one dark cell on a grey field."""
    rows, columns = np.mgrid[:48, :64]
    pixels = np.where((rows - 24) ** 2 + (columns - 32) ** 2 < 100, 80, 160).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(buffer, "PNG")
    return pd.DataFrame({"image": [base64.b64encode(buffer.getvalue()).decode()]}), {"score_threshold": 0.05}


def _release(package: str) -> str:
    """The installed version without its build (`+cu130`), which a package index does not know."""
    return importlib.metadata.version(package).partition("+")[0]


def _record(run: Any) -> RunRecord:
    tags = dict(run.data.tags)
    return RunRecord(
        id=run.info.run_id,
        name=run.info.run_name,
        status=run.info.status,
        parent=tags.get(PARENT),
        tags=tags,
        params=dict(run.data.params),
        metrics=dict(run.data.metrics),
    )


def _key(key: str) -> str:
    """A key that MLflow takes: what it refuses, such as the + of a variant's name, becomes an underscore."""
    return re.sub(r"[^/\w.\- ]", "_", key)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= PARAM_LENGTH else text[: PARAM_LENGTH - 3] + "..."


def _number(value: float) -> float:
    number = float(value)
    return number if np.isfinite(number) else float("nan")


@cache
def _commit_tags() -> dict[str, str]:
    """The commit that this package, or else the current folder, is checked out at, and whether files were changed."""
    package = Path(__file__).parent
    # a package in a virtual environment inside somebody's checkout is ignored there: it is not that commit's code
    ignored = _git(package, "check-ignore", str(package))
    for folder in [Path.cwd()] if ignored else [package, Path.cwd()]:
        commit = _git(folder, "rev-parse", "HEAD")
        if commit:
            changed = bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))
            return {"mlflow.source.git.commit": commit, "sissi.uncommitted_changes": str(changed).lower()}
    return {}


def _git(folder: Path, *arguments: str) -> str:
    """What git prints, or nothing: no git, no checkout, no answer."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _sqlite(database: Path) -> str:
    """The address of a database; % and ? in its path would be taken for parts of the address."""
    return "sqlite:///" + database.as_posix().replace("%", "%25").replace("?", "%3F")


def _alone(uri: str) -> Any:
    """A lock beside an SQLite file: MLflow creates its tables without one, and of two processes one would die."""
    if not uri.startswith("sqlite:///"):
        return nullcontext()
    database = Path(unquote(uri.removeprefix("sqlite:///").partition("?")[0]))
    database.parent.mkdir(parents=True, exist_ok=True)
    if database.exists() and database.stat().st_size and database.open("rb").read(15) != b"SQLite format 3":
        raise TrackingError(f"{database}: is not an SQLite database; move it away")
    return FileLock(f"{database}.lock", timeout=120)


@contextmanager
def _impatient() -> Iterator[None]:
    """Let a server have seconds, not MLflow's minutes, for the first answer; what the user has set stays."""
    ours = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    added = {key: value for key, value in ours.items() if key not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for key in added:
            del os.environ[key]


@contextmanager
def _explained(uri: str, folder: Path) -> Iterator[None]:
    """Turn whatever opening a store may raise into one error that names its address."""
    try:
        yield
    except TrackingError:
        raise
    except Exception as error:  # of MLflow, SQLAlchemy, the file lock, the file system: each has its own
        if os.environ.get("MLFLOW_TRACKING_URI", "").strip():
            advice = f"start that server, correct MLFLOW_TRACKING_URI, or unset it to write to {folder}"
        else:
            advice = "name another folder with --set tracking.folder=FOLDER"
        message = f"{uri}: cannot be used as MLflow store: {advice} ({_first_line(error)})"
        raise TrackingError(re.sub(r"//[^/@ ]*@", "//", message)) from error  # without a password


@contextmanager
def _known(what: str) -> Iterator[None]:
    """Turn MLflow's answer to what its store does not know, or cannot give, into an error that names it."""
    try:
        yield
    except (mlflow.MlflowException, OSError, StopIteration) as error:
        raise TrackingError(f"{what}: cannot be read from the MLflow store ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
