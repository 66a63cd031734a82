"""Upload of recorded runs to MLflow: in the background, in order, and each event once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import mlflow

from sissi.runtime.events import Lasting, Resume
from sissi.runtime.files import is_full, write_whole
from sissi.runtime.journal import ForeignPath
from sissi.tracking.local_run import LocalRun
from sissi.tracking.store import Store, first_line

REFUSALS = (
    "INVALID_PARAMETER_VALUE", "BAD_REQUEST", "MALFORMED_REQUEST", "RESOURCE_DOES_NOT_EXIST", "INVALID_STATE",
    "PERMISSION_DENIED", "UNAUTHENTICATED", "ENDPOINT_NOT_FOUND",
)  # fmt: skip
"""MLflow's error codes for which a retry is useless."""
PAUSES = (0.5, 1, 2, 5, 10, 20, 30)
"""Seconds between retries while a store does not respond; the last value is repeated."""
RECORD = "sissi.record"
"""Tag of a run with the id of its local record, so that a run whose creation was interrupted is not created twice."""


class Uploader:
    """Thread that uploads recorded runs until it is closed."""

    def __init__(self, connect: Callable[[], Store], notify: Callable[[str], None]) -> None:
        self._connect = connect
        self._notify = notify
        self._runs: list[PendingRun] = []
        self._changed = threading.Condition()
        self._news, self._closing = False, False
        self._fault = ""
        self._thread = threading.Thread(target=self._work, name="delivery", daemon=True)
        self._thread.start()

    def add(self, run: LocalRun) -> None:
        """Add a run to the upload; its parent must be added before."""
        with self._changed:
            self._runs.append(PendingRun(run))
        self.wake()

    def wake(self) -> None:
        """Start the upload of new events."""
        with self._changed:
            self._news = True
            self._changed.notify()

    def run_id(self, run: LocalRun) -> str | None:
        """MLflow's id of a run, or None if it has none yet."""
        with self._changed:
            return next((pending.run_id for pending in self._runs if pending.run is run), None)

    def await_id(self, run: LocalRun, timeout: float) -> str | None:
        """Wait at most `timeout` seconds for MLflow's id of a run; None if it has none then."""
        with self._changed:
            self._changed.wait_for(lambda: self.run_id(run) is not None, timeout=timeout)
        return self.run_id(run)

    @property
    def waiting(self) -> int:
        """Number of records that are not in MLflow yet."""
        with self._changed:
            return sum(pending.waiting for pending in self._runs)

    def close(self, timeout: float) -> int:
        """Upload the remaining records, stop after `timeout` seconds without success, and return how many are left."""
        deadline, left = time.monotonic() + timeout, self.waiting
        self.wake()
        while left and time.monotonic() < deadline and self._thread.is_alive():
            with self._changed:
                self._changed.wait(timeout=0.05)
            if self.waiting < left:
                deadline, left = time.monotonic() + timeout, self.waiting
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout=timeout)
        return self.waiting

    def _work(self) -> None:
        store, tries = None, 0
        while not self._pause(PAUSES[min(tries, len(PAUSES)) - 1] if tries else None):
            try:
                store = store or self._connect()
                self._upload(store)
                if self._fault:
                    self._notify("MLflow responds again; the stored records have been uploaded")
                tries, self._fault = 0, ""
            except Exception as error:  # after any error, training continues and the records stay on disk
                tries += 1
                for pending in self._runs:
                    pending.uncertain = True
                if not self._fault:
                    reason = _reason(error, store)
                    self._notify(f"MLflow accepts no records now ({reason}); they are stored and sent later")
                self._fault = first_line(error)

    def _pause(self, seconds: float | None) -> bool:
        """Wait for new events, or for the next retry; return whether the uploader is closing."""
        with self._changed:
            if seconds is not None:
                self._changed.wait_for(lambda: self._closing, timeout=seconds)
            else:
                self._changed.wait_for(lambda: self._closing or self._news)
            self._news = False
            return self._closing

    def _upload(self, store: Store) -> None:
        for pending in self._runs:  # runs may be appended meanwhile
            parent_record = pending.run.header["parent"]
            parent = next((other.run_id for other in self._runs if other.record == parent_record), None)
            while pending.waiting and not self._closing:
                refused = pending.upload_next(store, parent)
                with self._changed:
                    self._changed.notify_all()
                if refused:
                    self._notify(f"MLflow refused a record of {pending.run.name}: {refused}; see {pending.refused}")


class PendingRun:
    """Recorded run, and the state of its upload.

    Attributes:
        run: recorded run.
        record: id of the local record.
        uncertain: whether MLflow may have stored the next record in an earlier call that failed.
        refused: file of the records that MLflow refused.
        run_id: MLflow's id of the run, or None.
    """

    def __init__(self, run: LocalRun) -> None:
        self.run = run
        self.record: str = run.header["record"]
        self.uncertain = True
        self.refused = run.folder / "refused.jsonl"
        self._path = run.folder / "delivered.json"
        known = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
        self.run_id: str | None = known.get("run_id")
        self._count: int = known.get("count", -1)

    @property
    def waiting(self) -> int:
        """Number of records that are not in MLflow yet; the run itself counts as its first record."""
        return len(self.run.journal) - self._count

    def upload_next(self, store: Store, parent: str | None) -> str | None:
        """Upload one record; return the reason if MLflow refused it permanently, else None."""
        if self._count < 0:
            self._start(store, parent)
            return None
        refusal = None
        try:
            self._write(store, next(self.run.journal.events(self._count)))
        except (mlflow.MlflowException, ForeignPath) as error:
            if isinstance(error, mlflow.MlflowException) and error.error_code not in REFUSALS:
                raise
            refusal = first_line(error)
            with self.refused.open("a", encoding="utf-8") as file:
                [name, _] = self.run.journal.raw(self._count)[0]
                file.write(json.dumps({"record": self._count, "event": name, "reason": refusal}) + "\n")
        self._save(self._count + 1)
        return refusal

    def _start(self, store: Store, parent: str | None) -> None:
        header = self.run.header
        tags = {**header["tags"], RECORD: self.record}
        existing = store.find_runs(header["experiment"], f"tags.`{RECORD}` = '{self.record}'")
        if existing:
            self.run_id = existing[0].id
        else:
            parent_run = store.written_run(parent) if parent else None
            started = store.start_run(
                header["experiment"], header["name"], parent=parent_run, tags=tags, started=header["started"]
            )
            self.run_id = started.id
        self._save(0)

    def _write(self, store: Store, event: Lasting) -> None:
        assert self.run_id is not None  # noqa: S101
        run = store.written_run(self.run_id)
        if self.uncertain and not isinstance(event, Resume):
            if run.has(event):
                return
            self.uncertain = False
        run.record(event)

    def _save(self, count: int) -> None:
        self._count = count
        write_whole(self._path, json.dumps({"run_id": self.run_id, "count": count}).encode())


def _reason(error: Exception, store: Store | None) -> str:
    """Reason why a store does not accept a record, in a few words."""
    if not is_full(error):
        return first_line(error)
    return f"{store.artifact_location if store else 'MLflow'}: no space left on the disk, free some"


def mark_delivered(run: LocalRun, run_id: str) -> None:
    """Record that a run exists in MLflow, without any of its records."""
    write_whole(run.folder / "delivered.json", json.dumps({"run_id": run_id, "count": 0}).encode())
