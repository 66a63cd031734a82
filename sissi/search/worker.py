"""Process that works on the trials of a study: its sign of life, and whether the process of a trial has ended."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from pathlib import Path

from filelock import Timeout

from sissi.runtime.locks import file_lock

BEAT = 60.0
"""Seconds between signs of life."""
SILENCE = 600.0
"""Seconds without a sign of life after which a process on another machine has ended, if its lock is free too."""


class Worker:
    """Lock that this process holds until it ends, on a file that a thread touches from time to time.

    The operating system releases the lock when the process ends; where machines share the folder, the time of the file
    tells machines on which the lock of another cannot be felt.

    Attributes:
        mark: host and lock of the process, an attribute of its trials.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._path = folder / f"{os.getpid()}-{os.urandom(4).hex()}.lock"
        self._lock = file_lock(self._path)
        self._lock.acquire()
        self._closing = threading.Event()
        threading.Thread(target=self._beat, name="sign of life", daemon=True).start()
        self.mark = [socket.gethostname(), str(self._path)]

    def close(self) -> None:
        """Release the lock."""
        self._closing.set()
        self._lock.release()
        self._path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._closing.wait(BEAT):
            if self._path.exists():
                os.utime(self._path)


def has_ended(host: str, path: str) -> bool:
    """Whether a process has ended, by its mark; False if it is unknown, as on a machine with another folder."""
    if host != socket.gethostname() and not _silent(Path(path)):
        return False
    try:
        with file_lock(path, timeout=0):
            return True
    except Timeout:
        return False


def _silent(path: Path) -> bool:
    """Whether a file that exists was touched long ago, by the clock of its file system."""
    if not path.exists():
        return False
    with tempfile.NamedTemporaryFile(dir=path.parent) as now:
        return Path(now.name).stat().st_mtime - path.stat().st_mtime > SILENCE
