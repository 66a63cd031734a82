"""The runs of an MLflow store: started, found, and read back."""

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
"""The tag of a run that is a whole ablation; `Store.latest_ablation` looks for it."""
STUDY = {"sissi.kind": "study"}
"""The tag of a run that is a whole Optuna study."""
PARENT = "mlflow.parentRunId"
DESCRIPTION = "mlflow.note.content"
"""The tag of a run that MLflow's page shows as its description, in Markdown."""
EXPERIMENT_KIND = ("mlflow.experimentKind", "custom_model_development")
"""The tag of an experiment with which MLflow's page opens as model training and not as GenAI."""


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


class Store:
    """An MLflow store that answers: made by `open_store`."""

    def __init__(self, client: Any, artifacts: str | None) -> None:
        self._client = client
        self._artifacts = artifacts

    @property
    def uri(self) -> str:
        """MLflow's address of the store, as in `mlflow ui --backend-store-uri ADDRESS`."""
        return str(self._client.tracking_uri)

    @property
    def place(self) -> str:
        """Where it keeps artifacts: a folder, or the server that has them."""
        return unquote(urlsplit(self._artifacts).path) if self._artifacts else self.address

    @property
    def address(self) -> str:
        """Of the store, to be shown: `uri` without a password."""
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
        """Start a run, inside another one if `parent` is given; the experiment is created when it is new.

        The run says who started it, from which program, from which commit of the code, and when (ms since 1970; now).
        """
        nested = {PARENT: parent.id} if parent else {}
        labelled = resolve_tags({**commit_tags(), **nested, **(tags or {})})
        run = self._client.create_run(self._experiment(experiment), started, labelled, name)
        return MlflowRun(self._client, run.info.run_id)

    def written_run(self, run_id: str) -> MlflowRun:
        """A run to write to, as it is."""
        return MlflowRun(self._client, run_id)

    def resume_run(self, run_id: str) -> MlflowRun:
        """Go on with a run that ended or was shot. Parameters cannot change, metrics of repeated steps are replaced."""
        with _known(f"run {run_id}"):
            self._client.update_run(run_id, status="RUNNING")
        return MlflowRun(self._client, run_id)

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

    def dataset_digests(self, run_id: str) -> dict[str, str]:
        """The digest of each data set of a run by its name, as `MlflowRun.dataset` wrote it: 36 characters."""
        with _known(f"run {run_id}"):
            inputs = self._client.get_run(run_id).inputs
        return {one.dataset.name: one.dataset.digest for one in inputs.dataset_inputs}

    def history(self, run_id: str, key: str) -> list[tuple[int, float]]:
        """(step, value) of a metric in the order of steps; of a step that was written twice, the later value."""
        with _known(f"run {run_id}"):
            points = self._client.get_metric_history(run_id, written_key(key))
        return sorted({point.step: point.value for point in sorted(points, key=lambda one: one.timestamp)}.items())

    def artifact(self, run_id: str, path: str) -> Path:
        """A file or folder that a run holds, on this machine: downloaded if it is elsewhere, else in its place."""
        with _known(f"artifact {path} of run {run_id}"):
            folder = self._client.get_run(run_id).info.artifact_uri
            return Path(mlflow.artifacts.download_artifacts(f"{folder}/{path}", tracking_uri=self.uri))

    def load_model_file(self, model_uri: str) -> Path:
        """The detector's file inside a logged model, on this machine, for `sissi.detector.model.load`.

        Args:
            model_uri: `models:/m-...` as `MlflowRun.model` gives it, `runs:/RUN/model`, or `models:/NAME/VERSION`.
        """
        with _known(f"model {model_uri}"):
            location = self._model_location(model_uri)
            folder = mlflow.artifacts.download_artifacts(f"{location}/artifacts", tracking_uri=self.uri)
            return next(Path(folder).iterdir())

    def run_of_model(self, model_uri: str) -> RunRecord:
        """The run that trained a model; see `load_model_file` for its addresses, and `models:/NAME@ALIAS`.

        Raises:
            TrackingError: the store does not know it.
        """
        try:
            return self.run(self._run_id_of(model_uri))
        except mlflow.MlflowException as error:
            message = f"model {model_uri}: its run is not in the MLflow store ({first_line(error)})"
            raise TrackingError(message) from error

    def _run_id_of(self, model_uri: str) -> str:
        kind, _, place = model_uri.partition(":/")
        if kind == "runs":
            return place.partition("/")[0]
        if "@" in place:
            return str(self._client.get_model_version_by_alias(*place.split("@", 1)).run_id)
        if "/" in place:
            return str(self._client.get_model_version(*place.split("/", 1)).run_id)
        return str(self._client.get_logged_model(place).source_run_id)

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
        found, (key, value) = self._client.get_experiment_by_name(name), EXPERIMENT_KIND
        if found is None:
            try:
                return str(self._client.create_experiment(name, self._artifacts, {key: value}))
            except mlflow.MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                found = self._client.get_experiment_by_name(name)  # another process was faster
        if found.lifecycle_stage == "deleted":
            raise TrackingError(
                f"experiment {name!r} was deleted in MLflow: take another name, or bring it back with "
                f"`mlflow experiments restore --experiment-id {found.experiment_id}`"
            )
        if key not in found.tags:
            self._client.set_experiment_tag(found.experiment_id, key, value)
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
    """Turn MLflow's answer to what its store does not know, or cannot give, into an error that names it."""
    try:
        yield
    except (mlflow.MlflowException, OSError, StopIteration) as error:
        raise TrackingError(f"{what}: cannot be read from the MLflow store ({first_line(error)})") from error


def first_line(error: Exception) -> str:
    """The first line of a fault's text, without passwords of addresses in it."""
    return without_password(str(error).partition("\n")[0])
