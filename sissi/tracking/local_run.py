"""A run that is written down on this machine first, so that nothing is lost while MLflow does not answer."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sissi.runtime.events import End, Event, Metrics, Notice, Progress, Resume, Status
from sissi.runtime.files import write_whole
from sissi.runtime.journal import Journal
from sissi.tracking.commit import commit_tags

ENDING = (End, Resume)
"""Events that may come again with the same meaning; all others are recorded once."""


class LocalRun:
    """The events of a run, written to a folder; an `Uploader` carries them to MLflow.

    Nothing is recorded twice: the same metrics of a step, the same picture, the same artifact. So work that is repeated
    after an interruption, or found finished, leaves no double point on any curve.
    As a context manager it ends FINISHED, on an exception FAILED, on Ctrl-C KILLED.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.header: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        self.journal = Journal(folder / "journal")
        self._recorded = {_identity(name, values) for name, values in self.journal.raw()}

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
        for name, values in reversed(self.journal.raw()):
            if name in ("end", "resume"):
                return str(values[0]) if name == "end" else "RUNNING"
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
        """Record how the run ended."""
        if self.status != status:
            self.record(End(status, _now()))

    def resume(self) -> None:
        """Go on with a run that has ended, or whose process is gone."""
        if self.status != "RUNNING":
            self.record(Resume())

    def record(self, event: Event) -> None:
        """Write an event down, unless it was recorded before; what passes by is not written."""
        if isinstance(event, Progress | Notice):
            return
        if isinstance(event, Metrics) and event.at is None:
            event = Metrics({key: float(value) for key, value in event.values.items()}, event.step, _now())
        line = self.journal.line(self.journal.store(event))
        identity = _identity(*json.loads(line))
        if isinstance(event, ENDING) or identity not in self._recorded:
            self.journal.add(line)
            self._recorded.add(identity)


def _identity(name: str, values: Sequence[Any]) -> str:
    """What makes two events the same: for points and pictures the curve and the step, for the rest all of it."""
    if name == "metrics":
        values = [sorted(values[0]), values[1]]
    if name == "image":
        values = [values[0], values[2]]
    if name == "params":
        values = [sorted(values[0])]
    return hashlib.sha256(json.dumps([name, values], sort_keys=True).encode()).hexdigest()


def _now() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)
