"""Run in MLflow to which events are written."""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import mlflow
import numpy as np
import numpy.typing as npt
import pandas as pd
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, LoggedModelStatus, Metric, Param, RunTag
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from PIL import Image

from sissi.runtime import events
from sissi.runtime.events import Lasting, Status
from sissi.tracking.logged_model import write_model

PARAMS_A_CALL, METRICS_A_CALL, PARAM_LENGTH, DIGEST_LENGTH = 100, 1000, 6000, 36
"""Limits of MLflow: numbers per call, and numbers of characters."""


class MlflowRun:
    """Run in MLflow to which events are written.

    As a context manager, the run ends as FINISHED, after an exception as FAILED, after Ctrl-C as KILLED.

    Attributes:
        id: MLflow's id of the run, 32 hexadecimal digits.
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
        except Exception as fault:  # the error of the run matters more than that of MLflow
            if error:
                error.add_note(f"MLflow run {self.id} could not be marked as ended: {fault}")

    def record(self, event: Lasting) -> None:
        """Write an event in the form that its type has in MLflow."""
        match event:
            case events.Params(values):
                self.params(values)
            case events.Tags(values):
                self.tags(values)
            case events.ExperimentTags(values):
                self.experiment_tags(values)
            case events.Metrics(values, step, at):
                self.metrics(values, step, at)
            case events.Picture(key, image, step):
                self.image(key, read_picture(image) if isinstance(image, Path) else image, step)
            case events.Text(text, path):
                self.text(text, path)
            case events.Json(content, path):
                self.json(content, path)
            case events.Table(columns, path):
                self.table(columns, path)
            case events.File(path, folder):
                self.file(path, folder)
            case events.Dataset():
                self.dataset(**vars(event))
            case events.Model(path, name, step):
                self.model(path, name, step)
            case events.End(status, at):
                self.end(status, at)
            case events.Resume():
                self.resume()

    def end(self, status: Status, at: int | None = None) -> None:
        """End the run; the end of its `with` block then changes nothing.

        Args:
            status: final status.
            at: time of the end in ms since 1970; default: now.
        """
        self._client.set_terminated(self.id, status, at)
        self._ended = True

    def resume(self) -> None:
        """Continue a run that has ended or was killed."""
        self._client.update_run(self.id, status="RUNNING")
        self._ended = False

    def params(self, values: Mapping[str, Any]) -> None:
        """Write parameters: texts unchanged, all other values as JSON, at most 6000 characters each.

        Raises:
            mlflow.MlflowException: the run has a parameter with another value.
        """
        params = [Param(written_key(key), _text(value)) for key, value in values.items()]
        for start in range(0, len(params), PARAMS_A_CALL):
            self._client.log_batch(self.id, params=params[start : start + PARAMS_A_CALL])

    def tags(self, values: Mapping[str, str]) -> None:
        """Write tags; those of the same key are replaced."""
        self._client.log_batch(self.id, tags=[RunTag(key, value) for key, value in values.items()])

    def experiment_tags(self, values: Mapping[str, str]) -> None:
        """Write tags of the experiment of the run; those of the same key are replaced."""
        experiment = self._client.get_run(self.id).info.experiment_id
        for key, value in values.items():
            self._client.set_experiment_tag(experiment, key, value)

    def metrics(self, values: Mapping[str, float], step: int = 0, at: int | None = None) -> None:
        """Write the metrics of one step in one call.

        MLflow stores NaN, but converts infinite values to 1.8e308, which makes charts useless. So infinite values are
        written as NaN.

        Args:
            values: metric values by key; a slash in a key separates the group from the name.
            step: number of the step, such as the epoch.
            at: time in ms since 1970; default: now.
        """
        now = at or int(time.time() * 1000)
        metrics = [Metric(written_key(key), _number(value), now, step) for key, value in values.items()]
        for start in range(0, len(metrics), METRICS_A_CALL):
            self._client.log_batch(self.id, metrics=metrics[start : start + METRICS_A_CALL])

    def image(self, key: str, image: npt.NDArray[np.uint8], step: int = 0) -> None:
        """Write a picture; MLflow shows the pictures of a key as a grid with a slider for the step.

        Args:
            key: name of the picture.
            image: RGB image, shape (H, W, 3), uint8.
            step: number of the step, such as the epoch.

        Raises:
            ValueError: the array has another shape or dtype.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"a picture must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
        self._client.log_image(self.id, image, key=image_key(key), step=step)

    def text(self, text: str, path: str) -> None:
        """Write a text as an artifact, such as `experiment.yaml`."""
        self._client.log_text(self.id, text, _inside(path))

    def json(self, content: Any, path: str) -> None:
        """Write a JSON value as an artifact."""
        self.text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", path)

    def table(self, columns: Mapping[str, Sequence[Any]], path: str) -> None:
        """Write a table, one sequence of equal length per column, to a path that ends in `.json`.

        An existing table is replaced, while MLflow's own log_table would append to it. MLflow shows it as a table.
        """
        self.text(pd.DataFrame(dict(columns)).to_json(orient="split", index=False), path)
        known = json.loads(self._client.get_run(self.id).data.tags.get("mlflow.loggedArtifacts", "[]"))
        entry = {"path": path, "type": "table"}
        if entry not in known:
            self._client.set_tag(self.id, "mlflow.loggedArtifacts", json.dumps([*known, entry]))

    def file(self, local_path: Path, folder: str = "") -> None:
        """Copy a local file to a folder of the run's artifacts."""
        self._client.log_artifact(self.id, str(local_path), _inside(folder) or None)

    def dataset(self, name: str, digest: str, source: str, role: str, profile: Mapping[str, Any]) -> None:
        """Write a data set that the run used.

        Args:
            name: name of the data set, such as target_train.
            digest: digest of its content; MLflow stores the first 36 characters.
            source: location: a path or an address.
            role: purpose, such as training, validation or test.
            profile: statistics, such as numbers of images and boxes; JSON values.
        """
        dataset = Dataset(
            name, digest[:DIGEST_LENGTH], "local", json.dumps({"uri": source}), profile=json.dumps(dict(profile))
        )
        self._client.log_inputs(self.id, datasets=[DatasetInput(dataset, [InputTag("mlflow.data.context", role)])])

    def model(self, model_file: Path, name: str = "model", step: int = 0) -> str:
        """Store a detector as a model for `mlflow models serve`; see `served_model` for input and output.

        The model contains the code of this package, so that it loads without an installation of sissi. The parameters
        and current metrics of the run are copied to it.

        Args:
            model_file: file of the detector.
            name: name of the model.
            step: number of the step, such as the epoch.

        Returns:
            Address of the model, `models:/m-...`; `runs:/RUN/NAME` is valid too.
        """
        run = self._client.get_run(self.id)
        logged = self._client.create_logged_model(
            run.info.experiment_id, name=name, source_run_id=self.id, params=run.data.params
        )
        try:
            self._client.log_outputs(self.id, models=[LoggedModelOutput(logged.model_id, step=step)])
            self._model_metrics(run.data.metrics, logged.model_id)
            with tempfile.TemporaryDirectory() as folder:
                write_model(Path(folder) / "model", model_file, logged, self.id)
                self._client.log_model_artifacts(logged.model_id, str(Path(folder) / "model"))
        except BaseException:
            self._client.finalize_logged_model(logged.model_id, LoggedModelStatus.FAILED)
            raise
        self._client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
        return f"models:/{logged.model_id}"

    def has(self, event: Lasting) -> bool:
        """Whether MLflow stored an event whose call failed; False for events that can be written again."""
        match event:
            case events.Metrics(values, step):
                history = self._client.get_metric_history(self.id, written_key(next(iter(values))))
                return any(point.step == step for point in history)
            case events.Picture(key, _, step):
                return self._has_picture(image_key(key), step)
            case events.Model(_, name):
                outputs = self._client.get_run(self.id).outputs
                written = outputs.model_outputs if outputs else []
                models = [self._client.get_logged_model(output.model_id) for output in written]
                return any(model.name == name and model.status == LoggedModelStatus.READY for model in models)
        return False

    def _has_picture(self, key: str, step: int) -> bool:
        """Whether a picture and its thumbnail are complete; the remains of an incomplete picture are removed."""
        name = re.sub("/", "[~#]", re.escape(key))  # MLflow's file names, of all its versions
        wanted = re.compile(rf"images/{name}[+%]step[+%]{step}[+%]")
        paths = [file.path for file in self._client.list_artifacts(self.id, "images") if wanted.match(file.path)]
        folder, address = self._client.get_run(self.id).info.artifact_uri, self._client.tracking_uri
        local = [mlflow.artifacts.download_artifacts(f"{folder}/{path}", tracking_uri=address) for path in paths]
        if {Path(path).suffix for path in paths} == {".png", ".webp"} and all(map(_is_picture, local)):
            return True
        for path in paths:
            get_artifact_repository(folder, tracking_uri=address).delete_artifacts(path)
        return False

    def _model_metrics(self, keys: Mapping[str, float], model_id: str) -> None:
        """Copy the latest point of each metric to the model, as `mlflow.log_metric(..., model_id=)` does."""
        latest = [self._client.get_metric_history(self.id, key)[-1] for key in keys]
        metrics = [
            Metric(point.key, point.value, point.timestamp, point.step, model_id, run_id=self.id) for point in latest
        ]
        self._client.log_batch(self.id, metrics=metrics)


def written_key(key: str) -> str:
    """Key for MLflow: characters that it refuses, such as the + of a variant's name, become underscores."""
    return re.sub(r"[^/\w.\- ]", "_", key)


def image_key(key: str) -> str:
    """Key of a picture for MLflow: characters that it refuses become underscores."""
    return re.sub(r"[^a-zA-Z0-9_\-./ ]", "_", key)


def _inside(path: str) -> str:
    """Check that the path of an artifact stays inside its run; MLflow would fail with a misleading error.

    Raises:
        mlflow.MlflowException: the path leads out of the run.
    """
    parts = re.split(r"[/\\]", path)
    if ".." in parts or (path and not parts[0]) or parts[0].endswith(":"):
        raise mlflow.MlflowException.invalid_parameter_value(f"artifact path {path!r} leads out of its run")
    return path


def read_picture(path: Path) -> npt.NDArray[np.uint8]:
    """Read the RGB pixels of a PNG file, shape (H, W, 3), uint8."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _is_picture(path: str) -> bool:
    """Whether a file is a complete picture."""
    try:
        with Image.open(path) as image:
            image.load()
    except OSError:
        return False
    return True


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= PARAM_LENGTH else text[: PARAM_LENGTH - 3] + "..."


def _number(value: float) -> float:
    number = float(value)
    return number if np.isfinite(number) else float("nan")
