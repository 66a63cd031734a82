"""Carry what was recorded on this machine to MLflow: beside the work, in order, each thing once."""

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
"""MLflow's answers that will not change by asking again."""
PAUSES = (0.5, 1, 2, 5, 10, 20, 30)
"""Seconds between tries while a store does not answer; the last one repeats."""
RECORD = "sissi.record"
"""Tag of a run: which record it was made from. So a run whose creation was interrupted is found, not made twice."""


class Uploader:
    """A thread that delivers recorded runs until it is closed."""

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
        """Deliver a run as well; the run around it has to be added before."""
        with self._changed:
            self._runs.append(PendingRun(run))
        self.wake()

    def wake(self) -> None:
        """There is something new to deliver."""
        with self._changed:
            self._news = True
            self._changed.notify()

    def run_id(self, run: LocalRun) -> str | None:
        """MLflow's id of a run, as soon as it has one."""
        with self._changed:
            return next((parcel.run_id for parcel in self._runs if parcel.run is run), None)

    def await_id(self, run: LocalRun, patience: float) -> str | None:
        """The same, waited for."""
        with self._changed:
            self._changed.wait_for(lambda: self.run_id(run) is not None, timeout=patience)
        return self.run_id(run)

    @property
    def waiting(self) -> int:
        """How many records MLflow does not have yet."""
        with self._changed:
            return sum(parcel.waiting for parcel in self._runs)

    def close(self, patience: float) -> int:
        """Deliver what there is, for at most `patience` seconds beyond the last success; give how many are left."""
        deadline, left = time.monotonic() + patience, self.waiting
        self.wake()
        while left and time.monotonic() < deadline and self._thread.is_alive():
            with self._changed:
                self._changed.wait(timeout=0.05)
            if self.waiting < left:
                deadline, left = time.monotonic() + patience, self.waiting
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout=patience)
        return self.waiting

    def _work(self) -> None:
        store, tries = None, 0
        while not self._pause(PAUSES[min(tries, len(PAUSES)) - 1] if tries else None):
            try:
                store = store or self._connect()
                self._deliver(store)
                if self._fault:
                    self._notify("MLflow answers again; what was kept has been delivered")
                tries, self._fault = 0, ""
            except Exception as error:  # whatever it is, training goes on and the records are kept
                tries += 1
                for parcel in self._runs:
                    parcel.in_doubt = True
                if not self._fault:
                    reason = _reason(error, store)
                    self._notify(f"MLflow does not take records now ({reason}); they are kept and tried again")
                self._fault = first_line(error)

    def _pause(self, seconds: float | None) -> bool:
        """Wait for news, or for the time of the next try; whether it is time to stop."""
        with self._changed:
            if seconds is not None:
                self._changed.wait_for(lambda: self._closing, timeout=seconds)
            else:
                self._changed.wait_for(lambda: self._closing or self._news)
            self._news = False
            return self._closing

    def _deliver(self, store: Store) -> None:
        for parcel in self._runs:  # it may grow meanwhile, at its end
            parent = next((one.run_id for one in self._runs if one.record == parcel.run.header["parent"]), None)
            while parcel.waiting and not self._closing:
                refused = parcel.deliver_next(store, parent)
                with self._changed:
                    self._changed.notify_all()
                if refused:
                    self._notify(f"MLflow refused a record of {parcel.run.name}: {refused}; see {parcel.refused}")


class PendingRun:
    """A recorded run, and how much of it MLflow has."""

    def __init__(self, run: LocalRun) -> None:
        self.run = run
        self.record: str = run.header["record"]
        self.in_doubt = True
        self.refused = run.folder / "refused.jsonl"
        self._path = run.folder / "delivered.json"
        known = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
        self.run_id: str | None = known.get("run_id")
        self._count: int = known.get("count", -1)

    @property
    def waiting(self) -> int:
        """The run itself counts as its first record."""
        return len(self.run.journal) - self._count

    def deliver_next(self, store: Store, parent: str | None) -> str | None:
        """Deliver one record; why MLflow refused it, if it did for good."""
        if self._count < 0:
            self._begin(store, parent)
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
        self._note(self._count + 1)
        return refusal

    def _begin(self, store: Store, parent: str | None) -> None:
        header = self.run.header
        tags = {**header["tags"], RECORD: self.record}
        found = store.find_runs(header["experiment"], f"tags.`{RECORD}` = '{self.record}'")
        if found:
            self.run_id = found[0].id
        else:
            around = store.written_run(parent) if parent else None
            begun = store.start_run(
                header["experiment"], header["name"], parent=around, tags=tags, started=header["started"]
            )
            self.run_id = begun.id
        self._note(0)

    def _write(self, store: Store, event: Lasting) -> None:
        assert self.run_id is not None  # noqa: S101
        run = store.written_run(self.run_id)
        if self.in_doubt and not isinstance(event, Resume):
            if run.has(event):
                return
            self.in_doubt = False
        run.record(event)

    def _note(self, count: int) -> None:
        self._count = count
        write_whole(self._path, json.dumps({"run_id": self.run_id, "count": count}).encode())


def _reason(error: Exception, store: Store | None) -> str:
    """Why a store does not take a record, in a few words."""
    if not is_full(error):
        return first_line(error)
    return f"{store.place if store else 'MLflow'}: no space left on the disk, free some"


def mark_delivered(run: LocalRun, run_id: str) -> None:
    """Say that MLflow has a run already, though none of its records."""
    write_whole(run.folder / "delivered.json", json.dumps({"run_id": run_id, "count": 0}).encode())
