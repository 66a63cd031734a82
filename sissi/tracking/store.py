"""Runs of an MLflow store: creation, search and reading."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import mlflow
from mlflow.entities import ViewType
from mlflow.tracking.context.registry import resolve_tags

from sissi.errors import TrackingError
from sissi.runtime.redact import without_password
from sissi.tracking.commit import commit_tags
from sissi.tracking.mlflow_run import MlflowRun, written_key

ABLATION = {"sissi.kind": "ablation"}
"""Tag of a run that is a whole ablation, for `Store.latest_ablation`."""
STUDY = {"sissi.kind": "study"}
"""Tag of a run that is a whole Optuna study."""
PARENT = "mlflow.parentRunId"
DESCRIPTION = "mlflow.note.content"
"""The tag of a run that MLflow's page shows as its description, in Markdown."""
EXPERIMENT_KIND = ("mlflow.experimentKind", "custom_model_development")
"""The tag of an experiment with which MLflow's page opens as model training and not as GenAI."""


@dataclass(frozen=True)
class RunRecord:
    """Content of a run in a store.

    Attributes:
        id: MLflow's id of the run, 32 hexadecimal digits.
        name: name of the run.
        status: RUNNING, FINISHED, FAILED or KILLED; RUNNING may also mean that the process was killed.
        parent: id of the parent run, or None.
        tags, params: texts by key.
        metrics: latest value of each metric; may be NaN.
    """

    id: str
    name: str
    status: str
    parent: str | None
    tags: dict[str, str]
    params: dict[str, str]
    metrics: dict[str, float]


class Store:
    """Available MLflow store, opened by `open_store`.

    Attributes:
        is_local: whether it is the database of the tracking folder, and not one that MLFLOW_TRACKING_URI names.
    """

    def __init__(self, client: Any, artifacts: str | None, *, is_local: bool = False) -> None:
        self._client = client
        self._artifacts = artifacts
        self.is_local = is_local

    @property
    def uri(self) -> str:
        """MLflow's address of the store, as in `mlflow ui --backend-store-uri ADDRESS`."""
        return str(self._client.tracking_uri)

    @property
    def artifact_location(self) -> str:
        """Location of artifacts: a folder, or the address of the server that stores them."""
        return unquote(urlsplit(self._artifacts).path) if self._artifacts else self.address

    @property
    def address(self) -> str:
        """Address of the store without a password, for display."""
        return without_password(self.uri)

    def start_run(
        self,
        experiment: str,
        name: str,
        *,
        parent: MlflowRun | None = None,
        tags: Mapping[str, str] | None = None,
        started: int | None = None,
    ) -> MlflowRun:
        """Start a run; its experiment is created if it does not exist.

        Tags of the run contain the user, the program and the commit of the code.

        Args:
            experiment: name of the MLflow experiment.
            name: name of the run.
            parent: parent run, or None.
            tags: further tags.
            started: start time in ms since 1970; default: now.

        Raises:
            TrackingError: the experiment was deleted in MLflow.
        """
        nested = {PARENT: parent.id} if parent else {}
        labelled = resolve_tags({**commit_tags(), **nested, **(tags or {})})
        run = self._client.create_run(self._experiment(experiment), started, labelled, name)
        return MlflowRun(self._client, run.info.run_id)

    def written_run(self, run_id: str) -> MlflowRun:
        """An existing run to write to, with its status unchanged."""
        return MlflowRun(self._client, run_id)

    def resume_run(self, run_id: str) -> MlflowRun:
        """Continue a run that has ended or was killed.

        Parameters cannot change; metrics of repeated steps are replaced.

        Raises:
            TrackingError: the run cannot be read.
        """
        with _known(f"run {run_id}"):
            self._client.update_run(run_id, status="RUNNING")
        return MlflowRun(self._client, run_id)

    def run(self, run_id: str) -> RunRecord:
        """Content of a run.

        Raises:
            TrackingError: the run cannot be read.
        """
        with _known(f"run {run_id}"):
            return _record(self._client.get_run(run_id))

    def find_runs(self, experiment: str, filter: str = "") -> list[RunRecord]:
        """Runs of an experiment that match an MLflow filter such as "params.seed = '1'", newest first."""
        known = self._client.get_experiment_by_name(experiment)
        return self._search([known.experiment_id], filter) if known else []

    def latest_ablation(self) -> RunRecord | None:
        """Newest run with the tag `ABLATION`, in any experiment and of any status."""
        [(key, value)] = ABLATION.items()
        everywhere = [experiment.experiment_id for experiment in self._client.search_experiments()]
        return next(iter(self._search(everywhere, f"tags.`{key}` = '{value}'", limit=1)), None)

    def children(self, run_id: str) -> list[RunRecord]:
        """Child runs of a run, in the order of their start."""
        with _known(f"run {run_id}"):
            experiment = self._client.get_run(run_id).info.experiment_id
        return self._search([experiment], f"tags.`{PARENT}` = '{run_id}'")[::-1]

    def dataset_digests(self, run_id: str) -> dict[str, str]:
        """Digest of each data set of a run by name, 36 characters, as `MlflowRun.dataset` writes it."""
        with _known(f"run {run_id}"):
            inputs = self._client.get_run(run_id).inputs
        return {used.dataset.name: used.dataset.digest for used in inputs.dataset_inputs}

    def history(self, run_id: str, key: str) -> list[tuple[int, float]]:
        """Step and value of each point of a metric, in the order of steps; of repeated steps, the latest value."""
        with _known(f"run {run_id}"):
            points = self._client.get_metric_history(run_id, written_key(key))
        return sorted({point.step: point.value for point in sorted(points, key=lambda point: point.timestamp)}.items())

    def artifact(self, run_id: str, path: str) -> Path:
        """Local path of an artifact of a run, a file or folder; a remote artifact is downloaded.

        Raises:
            TrackingError: the artifact cannot be read.
        """
        with _known(f"artifact {path} of run {run_id}"):
            folder = self._client.get_run(run_id).info.artifact_uri
            return Path(mlflow.artifacts.download_artifacts(f"{folder}/{path}", tracking_uri=self.uri))

    def load_model_file(self, model_uri: str) -> Path:
        """Local path of the detector's file inside a logged model, for `sissi.detector.model.load`.

        Args:
            model_uri: `models:/m-...` as from `MlflowRun.model`, `runs:/RUN/model`, or `models:/NAME/VERSION`.

        Raises:
            TrackingError: the model cannot be read.
        """
        with _known(f"model {model_uri}"):
            location = self._model_location(model_uri)
            folder = mlflow.artifacts.download_artifacts(f"{location}/artifacts", tracking_uri=self.uri)
            return next(Path(folder).iterdir())

    def run_of_model(self, model_uri: str) -> RunRecord:
        """The run that trained a model.

        Args:
            model_uri: address as for `load_model_file`, or `models:/NAME@ALIAS`.

        Raises:
            TrackingError: the run is not in the store.
        """
        try:
            return self.run(self._run_id_of(model_uri))
        except mlflow.MlflowException as error:
            message = f"model {model_uri}: its run is not in the MLflow store ({first_line(error)})"
            raise TrackingError(message) from error

    def _run_id_of(self, model_uri: str) -> str:
        kind, _, rest = model_uri.partition(":/")
        if kind == "runs":
            return rest.partition("/")[0]
        if "@" in rest:
            return str(self._client.get_model_version_by_alias(*rest.split("@", 1)).run_id)
        if "/" in rest:
            return str(self._client.get_model_version(*rest.split("/", 1)).run_id)
        return str(self._client.get_logged_model(rest).source_run_id)

    def _model_location(self, model_uri: str) -> str:
        """Location of a model's files. MLflow's own look-up of `models:/` uses its global store instead of this one."""
        kind, _, rest = model_uri.partition(":/")
        first, separator, second = re.match(r"([^/@]*)([/@]?)(.*)", rest).groups()  # type: ignore[union-attr]
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
                f"model {model_uri}: no such model; write models:/m-ID, or runs:/RUN/NAME of a run with that model"
            )
        return str(max(named, key=lambda model: model.creation_timestamp).artifact_location)

    def _experiment(self, name: str) -> str:
        known, (key, value) = self._client.get_experiment_by_name(name), EXPERIMENT_KIND
        if known is None:
            try:
                return str(self._client.create_experiment(name, self._artifacts, {key: value}))
            except mlflow.MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                known = self._client.get_experiment_by_name(name)  # another process has created it meanwhile
        if known.lifecycle_stage == "deleted":
            raise TrackingError(
                f"experiment {name!r} was deleted in MLflow: use another name, or restore it with "
                f"`mlflow experiments restore --experiment-id {known.experiment_id}`"
            )
        if key not in known.tags:
            self._client.set_experiment_tag(known.experiment_id, key, value)
        return str(known.experiment_id)

    def _search(self, experiments: list[str], filter: str, limit: int | None = None) -> list[RunRecord]:
        """Runs of some experiments that match a filter, newest first."""
        records: list[RunRecord] = []
        token = None
        while limit is None or len(records) < limit:
            page = self._client.search_runs(
                experiments, filter, ViewType.ACTIVE_ONLY, limit or 1000, ["attributes.start_time DESC"], token
            )
            records += map(_record, page)
            token = page.token
            if not token:
                break
        return records


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


@contextmanager
def _known(what: str) -> Iterator[None]:
    """Convert MLflow's error for a missing or unreadable object to one that names the object."""
    try:
        yield
    except (mlflow.MlflowException, OSError, StopIteration) as error:
        raise TrackingError(f"{what}: cannot be read from the MLflow store ({first_line(error)})") from error


def first_line(error: Exception) -> str:
    """First line of an error message, without passwords in addresses."""
    return without_password(str(error).partition("\n")[0])
