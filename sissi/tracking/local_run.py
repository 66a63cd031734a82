"""A run that is written down on this machine first, so that nothing is lost while MLflow does not answer."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sissi.runtime.files import write_whole
from sissi.runtime.journal import Journal
from sissi.tracking.commit import commit_tags
from sissi.tracking.mlflow_run import Status

ENDING = ("end", "resume")
"""Calls that may come again with the same meaning; all others are said once."""


class RecordedRun:
    """The methods of `Run`, each written to a folder; `delivery` carries them to MLflow.

    What has been said once is not said twice: the same metrics of a step, the same picture, the same artifact. So
    work that is repeated after an interruption, or found finished, leaves no double point on any curve.
    As a context manager it ends FINISHED, on an exception FAILED, on Ctrl-C KILLED.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.header: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        self.journal = Journal(folder / "journal")
        self._said = {_identity(method, arguments) for method, arguments in self.journal.raw()}

    @classmethod
    def create(cls, folder: Path, name: str, experiment: str, parent: str | None, tags: Mapping[str, str]) -> Self:
        """A new run.

        Args:
            folder: for its records.
            name: of the run.
            experiment: MLflow's.
            parent: `record` of the run around it, or None.
            tags: of the run.
        """
        header = {
            "name": name,
            "experiment": experiment,
            "parent": parent,
            "tags": {**commit_tags(), **tags},
            "record": uuid.uuid4().hex,
            "started": _now(),
        }
        write_whole(folder / "run.json", json.dumps(header).encode())
        return cls(folder)

    @property
    def name(self) -> str:
        """Of the run."""
        return str(self.header["name"])

    @property
    def status(self) -> str:
        """RUNNING, or how it ended."""
        for method, arguments in reversed(self.journal.raw()):
            if method in ENDING:
                return str(arguments[0]) if method == "end" else "RUNNING"
        return "RUNNING"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.status == "RUNNING":
            interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
            self.end("FINISHED" if kind is None else "KILLED" if interrupted else "FAILED")

    def end(self, status: Status) -> None:
        """Say how the run ended."""
        if self.status != status:
            self._say("end", status, _now())

    def resume(self) -> None:
        """Go on with a run that has ended, or whose process is gone."""
        if self.status != "RUNNING":
            self._say("resume")

    def params(self, values: Mapping[str, Any]) -> None:
        """See `Run.params`."""
        self._say("params", dict(values))

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """See `Run.metrics`."""
        self._say("metrics", {key: float(value) for key, value in values.items()}, step, _now())

    def image(self, key: str, image: npt.NDArray[np.uint8], step: int = 0) -> None:
        """See `Run.image`."""
        self._say("image", key, image, step)

    def text(self, text: str, path: str) -> None:
        """See `Run.text`."""
        self._say("text", text, path)

    def json(self, content: Any, path: str) -> None:
        """See `Run.json`."""
        self._say("json", content, path)

    def table(self, columns: Mapping[str, Sequence[Any]], path: str) -> None:
        """See `Run.table`."""
        self._say("table", {key: list(values) for key, values in columns.items()}, path)

    def figure(self, figure: Any, path: str) -> None:
        """Keep a matplotlib figure as a picture under a path such as `figures/curve.png`; the figure stays open."""
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / Path(path).name
            figure.savefig(local, metadata={"Software": None})
            self.file(local, str(Path(path).parent))

    def file(self, local_path: Path, folder: str = "") -> None:
        """See `Run.file`."""
        self._say("file", local_path, folder)

    def dataset(self, name: str, digest: str, source: str, role: str, profile: Mapping[str, Any]) -> None:
        """See `Run.dataset`."""
        self._say("dataset", name, digest, source, role, dict(profile))

    def model(self, model_file: Path, name: str = "model", step: int = 0) -> None:
        """See `Run.model`."""
        self._say("model", model_file, name, step)

    def _say(self, method: str, *arguments: Any) -> None:
        line = self.journal.line(method, arguments)
        identity = _identity(*json.loads(line))
        if method in ENDING or identity not in self._said:
            self.journal.add(line)
            self._said.add(identity)


def _identity(method: str, arguments: Sequence[Any]) -> str:
    """What makes two calls the same: for points and pictures the curve and the step, for the rest all of it."""
    if method == "metrics":
        arguments = [sorted(arguments[0]), arguments[1]]
    if method == "image":
        arguments = [arguments[0], arguments[2]]
    if method == "params":
        arguments = [sorted(arguments[0])]
    return hashlib.sha256(json.dumps([method, arguments], sort_keys=True).encode()).hexdigest()


def _now() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)
