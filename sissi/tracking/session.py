"""The runs of one command, written down in a folder that outlives it, and on their way to MLflow."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from sissi.runtime.files import is_full
from sissi.runtime.watchdog import watched
from sissi.tracking.connect import open_store
from sissi.tracking.local_run import LocalRun
from sissi.tracking.uploader import Uploader, mark_delivered

TIMEOUT = 30.0
"""Seconds that the end of a command waits for a store that does not answer."""
SHORT_TIMEOUT = 3.0
"""The same after Ctrl-C, when the disk is full, or for a watchdog."""
OFFLINE = "offline"
ABANDONED = "abandoned"
"""File in the folder of a recording that `--fresh` has put aside."""


class TrackingSession:
    """The recorded runs of a command; see `open_session`."""

    def __init__(self, folder: Path, delivery: Uploader | None) -> None:
        self.folder = folder
        self._delivery = delivery
        self.runs = [LocalRun(path.parent) for path in sorted(folder.glob("*/run.json"))]
        self.interrupted = bool(self.runs)
        for run in self.runs:
            self._deliver(run)

    def run(
        self, experiment: str, name: str, *, parent: LocalRun | None = None, tags: Mapping[str, str] | None = None
    ) -> LocalRun:
        """The run of this name, gone on with if it is there, else a new one."""
        around = parent.header["record"] if parent else None
        for run in self.runs:
            if (run.name, run.header["parent"]) == (name, around):
                run.resume()
                return run
        folder = self.folder / f"{len(self.runs):04d}"
        self.runs.append(LocalRun.create(folder, name, experiment, around, tags or {}))
        self._deliver(self.runs[-1])
        return self.runs[-1]

    def attach(self, experiment: str, name: str, run_id: str) -> LocalRun:
        """A run that MLflow has already, begun by another command that works on the same."""
        attached = LocalRun.create(self.folder / f"{len(self.runs):04d}", name, experiment, None, {})
        mark_delivered(attached, run_id)
        self.runs.append(attached)
        self._deliver(attached)
        return attached

    def await_id(self, run: LocalRun) -> str | None:
        """MLflow's id of a run, once it has one; None offline, or if MLflow does not answer in time."""
        return self._delivery.await_id(run, TIMEOUT) if self._delivery else None

    def deliver(self) -> None:
        """There is something new in the runs."""
        if self._delivery:
            self._delivery.wake()

    def run_id(self, run: LocalRun) -> str | None:
        """MLflow's id of a run, as soon as it has one."""
        return self._delivery.run_id(run) if self._delivery else None

    def stop(self) -> None:
        """Mark the runs that nobody works on any more."""
        for run in self.runs:
            if run.status == "RUNNING":
                run.end("KILLED")

    @property
    def finished(self) -> bool:
        """Whether nobody will go on with these runs: they ended well, or the command was begun afresh."""
        return (self.folder / ABANDONED).exists() or all(run.status == "FINISHED" for run in self.runs)

    def _deliver(self, run: LocalRun) -> None:
        if self._delivery:
            self._delivery.add(run)


@contextmanager
def open_session(
    folder: Path, key: str, *, offline: bool, fresh: bool, notify: Callable[[str], None]
) -> Iterator[TrackingSession]:
    """The recording of a command, opened where it was left if it was interrupted.

    What earlier commands could not deliver is delivered as well, and their runs that are marked as running while
    nobody works on them are marked KILLED.

    Args:
        folder: of tracking; holds `recordings/`.
        key: of the command: the same settings, data and code give the same key.
        offline: only write down; `upload` delivers.
        fresh: begin new runs even if the command was interrupted.
        notify: shows a sentence to the user.

    Raises:
        TrackingError: the store cannot be used.
    """
    base = _place(folder, offline)
    delivery = None if offline else Uploader(lambda: open_store(folder), notify)
    lock, own = _own(base, key, fresh)
    patience = TIMEOUT
    with lock, nullcontext() if offline else watched(stop_abandoned, folder, own):
        others = _others(base, own, delivery)
        recording = TrackingSession(own, delivery)
        recording.stop()  # what was interrupted; `run` goes on with it
        try:
            yield recording
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) or is_full(error):
                patience = SHORT_TIMEOUT
            raise
        finally:
            left = delivery.close(patience) if delivery else 0
            _notify_of_rest(left, offline, own, notify)
            if not left and not offline:
                _remove([*others, recording])


def upload(folder: Path, notify: Callable[[str], None]) -> tuple[int, int]:
    """Deliver all that was recorded offline or could not be delivered; how many runs, and records that are left.

    Raises:
        TrackingError: the store cannot be used.
    """
    bases = [_place(folder, offline) for offline in (False, True)]
    delivery = Uploader(lambda: open_store(folder), notify)
    found = [recording for base in bases for recording in _others(base, None, delivery)]
    left = delivery.close(TIMEOUT)
    if not left:
        _remove(found)
    return sum(len(recording.runs) for recording in found), left


def stop_abandoned(folder: Path, place: Path) -> None:
    """Mark the runs of a command that was killed, unless another command has them already; see `watchdog`.

    Args:
        folder: of tracking.
        place: folder of the command's recording.
    """
    marking = _marking(place)
    marking.touch()  # first, so that nobody takes us for a command that works on these runs
    try:
        with FileLock(f"{place}.lock", timeout=SHORT_TIMEOUT):
            _stop_delivered(folder, place)
    except Timeout:
        return  # another command has taken over
    finally:
        marking.unlink(missing_ok=True)


def _stop_delivered(folder: Path, place: Path) -> None:
    """Runs that nobody works on any more are KILLED, here and in MLflow; others are somebody else's business."""
    if any(run.status == "RUNNING" for run in TrackingSession(place, None).runs):
        delivery = Uploader(lambda: open_store(folder), lambda text: None)
        TrackingSession(place, delivery).stop()
        delivery.close(SHORT_TIMEOUT)


def _place(folder: Path, offline: bool) -> Path:
    """Where the recordings for a store are: its runs have ids that another store does not know."""
    name = OFFLINE if offline else hashlib.sha256(open_store(folder).address.encode()).hexdigest()[:8]
    return folder.resolve() / "recordings" / name


def _own(base: Path, key: str, fresh: bool) -> tuple[BaseFileLock, Path]:
    """The folder of a command, locked; another one where the same command runs at this moment."""
    names = (key if number == 1 else f"{key}-{number}" for number in itertools.count(1))
    tried = ((base / name, _locked(base / name)) for name in names)
    place, lock = next((place, lock) for place, lock in tried if lock is not None)
    if fresh and place.exists():
        (place / ABANDONED).touch()
        place.rename(place.with_name(f"{place.name}-{time.time_ns()}"))
    place.mkdir(parents=True, exist_ok=True)
    return lock, place


def _others(base: Path, own: Path | None, delivery: Uploader | None) -> list[TrackingSession]:
    """The recordings of commands that are over, stopped and on their way."""
    found = []
    for place in sorted(path for path in base.glob("*") if path.is_dir() and path != own):
        lock = _locked(place)
        if lock is not None:
            with lock:
                found.append(TrackingSession(place, delivery))
                found[-1].stop()
    return found


def _remove(recordings: Iterable[TrackingSession]) -> None:
    """Delete recordings that MLflow has all of, and that nobody will go on with."""
    for recording in recordings:
        if recording.finished:
            shutil.rmtree(recording.folder)


def _locked(place: Path) -> BaseFileLock | None:
    """A lock on a recording, taken, unless a command has it; the operating system frees it on death.

    A watchdog that marks the runs of a killed command is waited for: it needs seconds.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{place}.lock")
    try:
        lock.acquire(timeout=TIMEOUT if _marking(place).exists() else 0)
    except Timeout:
        return None
    _marking(place).unlink(missing_ok=True)
    return lock


def _marking(place: Path) -> Path:
    """A file that is there while a watchdog has the lock of a recording, or is about to take it."""
    return place.with_name(f"{place.name}.marking")


def _notify_of_rest(left: int, offline: bool, folder: Path, notify: Callable[[str], None]) -> None:
    if offline:
        notify(f"recorded offline in {folder}: `sissi upload` delivers it to MLflow")
    elif left:
        notify(f"MLflow has not taken {left} records yet: they are kept in {folder}, and `sissi upload` delivers them")
