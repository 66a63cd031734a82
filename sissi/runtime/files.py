"""Atomic writing of files, with a clear error on a full disk."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import tempfile
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
def new_output(out: Path) -> Iterator[Path]:
    """Path to write a new file or folder to; it gets its name when the block ends well, else nothing remains.

    Args:
        out: file or folder that does not exist yet, or an empty folder.
    """
    unfinished = out.with_name(f"{out.stem}.unfinished-{os.getpid()}{out.suffix}")
    try:
        yield unfinished
        if unfinished.exists():
            if out.is_dir():
                out.rmdir()
            unfinished.rename(out)
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished, ignore_errors=True)
        else:
            unfinished.unlink(missing_ok=True)


def require_writable(out: Path, *, folder: bool | None) -> None:
    """Refuse an output that cannot be written, before the work begins.

    Args:
        out: file or folder; it and its parents need not exist.
        folder: whether it is a folder; None: either.

    Raises:
        SissiError: the output is of the other kind, a parent is a file, or the file system refuses to write there.
    """
    place = out if folder else out.parent
    existing = next(path for path in (place, *place.absolute().parents) if path.exists() or path.is_symlink())
    if not existing.is_dir():
        raise SissiError(f"{out}: cannot be written, since {existing} is not a folder; choose another place")
    if folder is False and out.is_dir():
        raise SissiError(f"{out}: cannot be written, since it is a folder; name a file")
    try:
        with tempfile.TemporaryFile(dir=existing):
            return
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SissiError(f"{out}: cannot be written ({existing}: {reason}); choose another place") from None


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
