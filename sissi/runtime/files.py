"""Atomic writing of files, with a clear error on a full disk."""

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

FULL_ERRORS = {getattr(errno, name, errno.ENOSPC) for name in ("ENOSPC", "EDQUOT", "EFBIG")}
"""Errors of a full disk and, where the system has them, of an exhausted quota and of a file-size limit."""
FULL = "no space left on the disk; free some and run the same command again"


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that replaces `path`, durably, if the block succeeds; otherwise the old file stays.

    Args:
        path: the file to be written; its folder is created if necessary.

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
    """Write a file completely or not at all; see `whole_file`."""
    with whole_file(path) as file:
        file.write(content)


def append_whole(path: Path, content: bytes) -> None:
    """Append bytes to a file completely or not at all; the file is created if it is missing.

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
    """Convert the error of a full disk to one that names the file and the remedy; other errors pass unchanged.

    Raises:
        SissiError: the disk is full.
    """
    try:
        yield
    except Exception as error:  # torch hides the system error behind its own
        if is_full(error):
            raise SissiError(f"{path}: {FULL}") from None
        raise


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or one of its causes, means that a disk, a quota or a file-size limit is exhausted."""
    return _fullness(error) is not None


def full_message(error: BaseException) -> str:
    """Message for the user about an error for which `is_full` holds, with the name of the file where it is known."""
    if isinstance(error, SissiError):
        return str(error)
    fullness = _fullness(error)
    named = (getattr(fullness, "filename2", None) or getattr(fullness, "filename", None)) if fullness else None
    return f"{named}: {FULL}" if named else FULL


def _fullness(error: BaseException | None) -> BaseException | None:
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL_ERRORS:
            return error
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return error
        error = error.__cause__ or error.__context__
    return None


def _sync_folder(folder: Path) -> None:
    """Write the new name of a file to disk, on systems that support it."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
