"""Locks of files, which the operating system releases when their process ends, also between machines."""

from __future__ import annotations

import errno
import sys
import tempfile
from functools import cache
from pathlib import Path

from filelock import BaseFileLock, FileLock

from sissi.errors import SissiError

UNSUPPORTED = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}
"""Errors of flock on file systems that have no locks."""


def file_lock(path: str | Path, timeout: float = -1) -> BaseFileLock:
    """Lock of a file, not acquired yet.

    Without flock, `filelock` would take the existence of the file for a lock, which outlives a killed process. So such
    file systems are refused.

    Args:
        path: file of the lock; its folder exists or is created before the lock is acquired.
        timeout: seconds that `acquire` waits; -1: without limit.

    Raises:
        SissiError: the file system has no locks.
    """
    folder = Path(path).parent
    if folder.is_dir():
        require_flock(folder.resolve())
    return FileLock(path, timeout=timeout)


@cache
def require_flock(folder: Path) -> None:
    """Refuse a folder on a file system without flock.

    Raises:
        SissiError: the file system has no locks.
    """
    if sys.platform == "win32":
        return
    import fcntl

    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        raise SissiError(
            f"{folder}: its file system has no locks ({error.strerror}), so two processes could damage each other's "
            "work; choose a folder on another one with --tracking, or mount it with locks (Lustre: -o flock, NFS: "
            "without nolock)"
        ) from None
