"""Run that is recorded on this machine first, so that nothing is lost while MLflow does not respond."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sissi.runtime.events import End, Event, Metrics, Passing, Resume, Status
from sissi.runtime.files import write_whole
from sissi.runtime.journal import Journal
from sissi.tracking.commit import commit_tags

ENDING = (End, Resume)
"""Events that may occur several times; all others are recorded once."""


class LocalRun:
    """Run whose events are written to a folder; an `Uploader` sends them to MLflow.

    Nothing is recorded twice: the same metrics of a step, the same picture, the same artifact. So work that is repeated
    after an interruption, or loaded from the cache, adds no duplicate point to any curve. As a context manager, the run
    ends as FINISHED, after an exception as FAILED, after Ctrl-C as KILLED.

    Attributes:
        folder: folder of the run.
        header: name, experiment, parent, tags, record and start time of the run.
        journal: journal of the events.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.header: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        self.journal = Journal(folder / "journal")
        self._recorded = {_identity(name, values) for name, values in self.journal.raw()}

    @classmethod
    def create(cls, folder: Path, name: str, experiment: str, parent: str | None, tags: Mapping[str, str]) -> Self:
        """Create a run.

        Args:
            folder: folder for its events.
            name: name of the run.
            experiment: name of the MLflow experiment.
            parent: `record` of the parent run, or None.
            tags: tags of the run.
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
        """Name of the run."""
        return str(self.header["name"])

    @property
    def status(self) -> str:
        """RUNNING, or the final status."""
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
        """Record the final status of the run."""
        if self.status != status:
            self.record(End(status, _now()))

    def resume(self) -> None:
        """Continue a run that has ended or whose process was killed."""
        if self.status != "RUNNING":
            self.record(Resume())

    def record(self, event: Event) -> None:
        """Record an event, unless it was recorded before; progress and notices are not recorded."""
        if isinstance(event, Passing):
            return
        if isinstance(event, Metrics) and event.at is None:
            event = Metrics({key: float(value) for key, value in event.values.items()}, event.step, _now())
        line = self.journal.line(self.journal.store(event))
        identity = _identity(*json.loads(line))
        if isinstance(event, ENDING) or identity not in self._recorded:
            self.journal.add(line)
            self._recorded.add(identity)


def _identity(name: str, values: Sequence[Any]) -> str:
    """Digest by which equal events are recognised: key and step of metrics and pictures, the content of all others."""
    if name == "metrics":
        values = [sorted(values[0]), values[1]]
    if name == "image":
        values = [values[0], values[2]]
    if name == "params":
        values = [sorted(values[0])]
    return hashlib.sha256(json.dumps([name, values], sort_keys=True).encode()).hexdigest()


def _now() -> int:
    """Time in ms since 1970."""
    return int(time.time() * 1000)
