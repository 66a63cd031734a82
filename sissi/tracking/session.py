"""Recorded runs of a command, in a folder that outlives the command, and their upload to MLflow."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

from filelock import BaseFileLock, Timeout

from sissi.runtime.files import is_full
from sissi.runtime.locks import file_lock
from sissi.runtime.watchdog import watched
from sissi.tracking.connect import open_store
from sissi.tracking.local_run import LocalRun
from sissi.tracking.relocate import LOCAL, digest_of
from sissi.tracking.store import Store
from sissi.tracking.uploader import Uploader, mark_delivered

TIMEOUT = 30.0
"""Seconds that a command waits at its end for a store that does not respond."""
SHORT_TIMEOUT = 3.0
"""Seconds that a command waits after Ctrl-C or on a full disk, and that a watchdog waits."""
OFFLINE = "offline"
SUPERSEDED = "abandoned"
"""Name of the marker file in the folder of a recording that `--fresh` has moved away."""


class TrackingSession:
    """Recorded runs of a command; see `open_session`.

    Attributes:
        folder: folder of the recording.
        runs: runs of the command.
        interrupted: whether an interrupted command has left runs here.
    """

    def __init__(self, folder: Path, uploader: Uploader | None) -> None:
        self.folder = folder
        self._uploader = uploader
        self.runs = [LocalRun(path.parent) for path in sorted(folder.glob("*/run.json"))]
        self.interrupted = bool(self.runs)
        for run in self.runs:
            self._upload(run)

    def run(
        self, experiment: str, name: str, *, parent: LocalRun | None = None, tags: Mapping[str, str] | None = None
    ) -> LocalRun:
        """Continue the run of this name and parent if it exists, or else create it.

        Args:
            experiment: name of the MLflow experiment.
            name: name of the run.
            parent: parent run, or None.
            tags: tags of a new run.
        """
        parent_record = parent.header["record"] if parent else None
        for run in self.runs:
            if (run.name, run.header["parent"]) == (name, parent_record):
                run.resume()
                return run
        folder = self.folder / f"{len(self.runs):04d}"
        self.runs.append(LocalRun.create(folder, name, experiment, parent_record, tags or {}))
        self._upload(self.runs[-1])
        return self.runs[-1]

    def attach(self, experiment: str, name: str, run_id: str) -> LocalRun:
        """Attach a run that another command has already created in MLflow for the same work."""
        attached = LocalRun.create(self.folder / f"{len(self.runs):04d}", name, experiment, None, {})
        mark_delivered(attached, run_id)
        self.runs.append(attached)
        self._upload(attached)
        return attached

    def await_id(self, run: LocalRun) -> str | None:
        """Wait for MLflow's id of a run; None offline, or if MLflow does not respond in time."""
        return self._uploader.await_id(run, TIMEOUT) if self._uploader else None

    def deliver(self) -> None:
        """Start the upload of new events."""
        if self._uploader:
            self._uploader.wake()

    def run_id(self, run: LocalRun) -> str | None:
        """MLflow's id of a run, or None if it has none yet."""
        return self._uploader.run_id(run) if self._uploader else None

    def stop(self) -> None:
        """End running runs as KILLED."""
        for run in self.runs:
            if run.status == "RUNNING":
                run.end("KILLED")

    @property
    def finished(self) -> bool:
        """Whether these runs will not be continued: all are FINISHED, or the command was started from scratch."""
        return (self.folder / SUPERSEDED).exists() or all(run.status == "FINISHED" for run in self.runs)

    def _upload(self, run: LocalRun) -> None:
        if self._uploader:
            self._uploader.add(run)


@contextmanager
def open_session(
    folder: Path, key: str, *, offline: bool, fresh: bool, notify: Callable[[str], None]
) -> Iterator[TrackingSession]:
    """Open the recording of a command; the recording of an interrupted command is continued.

    Events that earlier commands could not upload are uploaded too. Their runs that are marked as running although no
    process works on them end as KILLED.

    Args:
        folder: folder of tracking, which contains `recordings/`.
        key: key of the command; equal settings, data and code give equal keys.
        offline: whether to record only, for a later `upload`.
        fresh: whether to start new runs even if the command was interrupted.
        notify: function that shows a sentence to the user.

    Raises:
        TrackingError: the store cannot be used.
    """
    base = _recordings_folder(folder, offline)
    uploader = None if offline else Uploader(lambda: open_store(folder), notify)
    lock, own = _own(base, key, fresh)
    timeout = TIMEOUT
    with lock, nullcontext() if offline else watched(stop_abandoned, folder, own):
        others = _others(base, own, uploader)
        recording = TrackingSession(own, uploader)
        recording.stop()  # interrupted runs; `run` continues them
        try:
            yield recording
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) or is_full(error):
                timeout = SHORT_TIMEOUT
            raise
        finally:
            left = uploader.close(timeout) if uploader else 0
            _notify_of_rest(left, offline, own, notify)
            if not left and not offline:
                _remove([*others, recording])


def upload(folder: Path, notify: Callable[[str], None]) -> tuple[int, int]:
    """Upload everything that was recorded offline or could not be uploaded.

    Args:
        folder: folder of tracking.
        notify: function that shows a sentence to the user.

    Returns:
        Number of runs, and number of records that are left.

    Raises:
        TrackingError: the store cannot be used.
    """
    bases = [_recordings_folder(folder, offline) for offline in (False, True)]
    uploader = Uploader(lambda: open_store(folder), notify)
    recordings = [recording for base in bases for recording in _others(base, None, uploader)]
    left = uploader.close(TIMEOUT)
    if not left:
        _remove(recordings)
    return sum(len(recording.runs) for recording in recordings), left


def stop_abandoned(folder: Path, recording: Path) -> None:
    """End the runs of a killed command as KILLED, unless another command continues them; see `watchdog`.

    Args:
        folder: folder of tracking.
        recording: folder of the command's recording.
    """
    marking = _marking(recording)
    marking.touch()  # before the lock, so that no command mistakes the watchdog for a command that works on these runs
    try:
        with file_lock(f"{recording}.lock", timeout=SHORT_TIMEOUT):
            _stop_and_upload(folder, recording)
    except Timeout:
        return  # another command continues the runs
    finally:
        marking.unlink(missing_ok=True)


def _stop_and_upload(folder: Path, recording: Path) -> None:
    """End the running runs of a recording as KILLED, here and in MLflow."""
    if any(run.status == "RUNNING" for run in TrackingSession(recording, None).runs):
        uploader = Uploader(lambda: open_store(folder), lambda text: None)
        TrackingSession(recording, uploader).stop()
        uploader.close(SHORT_TIMEOUT)


def _recordings_folder(folder: Path, offline: bool) -> Path:
    """Folder of the recordings for a store; each store has its own, since ids of runs are valid in one store only."""
    return folder.resolve() / "recordings" / (OFFLINE if offline else _name(open_store(folder)))


def _name(store: Store) -> str:
    """Name of the recordings' folder: that of the own store is the same wherever the tracking folder is moved."""
    return LOCAL if store.is_local else digest_of(store.address)


def _own(base: Path, key: str, fresh: bool) -> tuple[BaseFileLock, Path]:
    """Lock and folder of the recording of a command; a further folder if the same command is running now."""
    names = (key if number == 1 else f"{key}-{number}" for number in itertools.count(1))
    tried = ((base / name, _locked(base / name)) for name in names)
    recording, lock = next((recording, lock) for recording, lock in tried if lock is not None)
    if fresh and recording.exists():
        (recording / SUPERSEDED).touch()
        recording.rename(recording.with_name(f"{recording.name}-{time.time_ns()}"))
    recording.mkdir(parents=True, exist_ok=True)
    return lock, recording


def _others(base: Path, own: Path | None, uploader: Uploader | None) -> list[TrackingSession]:
    """Recordings of commands that have ended; their runs are ended and uploaded."""
    others = []
    for recording in sorted(path for path in base.glob("*") if path.is_dir() and path != own):
        lock = _locked(recording)
        if lock is not None:
            with lock:
                others.append(TrackingSession(recording, uploader))
                others[-1].stop()
    return others


def _remove(recordings: Iterable[TrackingSession]) -> None:
    """Delete uploaded recordings that will not be continued."""
    for recording in recordings:
        if recording.finished:
            shutil.rmtree(recording.folder)


def _locked(recording: Path) -> BaseFileLock | None:
    """Acquired lock of a recording, or None if a command holds it. The operating system releases it on a crash.

    If a watchdog holds the lock to end the runs of a killed command, the function waits for it, which takes seconds.
    """
    recording.parent.mkdir(parents=True, exist_ok=True)
    lock = file_lock(f"{recording}.lock")
    try:
        lock.acquire(timeout=TIMEOUT if _marking(recording).exists() else 0)
    except Timeout:
        return None
    _marking(recording).unlink(missing_ok=True)
    return lock


def _marking(recording: Path) -> Path:
    """Path of a file that exists while a watchdog holds the lock of a recording or is about to acquire it."""
    return recording.with_name(f"{recording.name}.marking")


def _notify_of_rest(left: int, offline: bool, folder: Path, notify: Callable[[str], None]) -> None:
    if offline:
        notify(f"recorded offline in {folder}: `sissi upload` sends it to MLflow")
    elif left:
        notify(f"{left} records are not in MLflow yet: they are stored in {folder}, and `sissi upload` sends them")
