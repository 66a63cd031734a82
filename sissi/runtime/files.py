"""Write to a file wholly or not at all, whatever happens in between; a full disk is named."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sissi.errors import SissiError

FULL = "no space left on the disk; free some and run the same command again"


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to that takes its place, durably, when the block ends well; else the old one stays.

    Raises:
        SissiError: the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished-{os.getpid()}-{threading.get_ident()}")
    try:
        with naming_full_disk(path):
            with unfinished.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
            _sync_folder(path.parent)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: bytes) -> None:
    """Write a file wholly or not at all; see `whole_file`."""
    with whole_file(path) as file:
        file.write(content)


def append_whole(path: Path, content: bytes) -> None:
    """Add to the end of a file wholly or not at all; made if it is missing.

    Raises:
        SissiError: the disk is full.
    """
    with naming_full_disk(path), path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            while content:
                content = content[file.write(content) :]
        except OSError:
            file.truncate(before)
            raise


@contextmanager
def naming_full_disk(path: Path) -> Iterator[None]:
    """Say which file found the disk full, and what to do; other faults pass."""
    try:
        yield
    except Exception as error:  # torch hides the system's fault behind its own
        if is_full(error):
            raise SissiError(f"{path}: {FULL}") from None
        raise


def is_full(error: BaseException | None) -> bool:
    """Whether a fault, or what it came from, says that a disk, a quota or a file-size limit is exhausted."""
    return _fullness(error) is not None


def full_message(error: BaseException) -> str:
    """What a fault for which `is_full` holds means for the user, with its file where the fault knows it."""
    if isinstance(error, SissiError):
        return str(error)
    fullness = _fullness(error)
    named = (getattr(fullness, "filename2", None) or getattr(fullness, "filename", None)) if fullness else None
    return f"{named}: {FULL}" if named else FULL


def _fullness(error: BaseException | None) -> BaseException | None:
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return error
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return error
        error = error.__cause__ or error.__context__
    return None


def _sync_folder(folder: Path) -> None:
    """Have the disk write down that a file has its new name; not every system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
