"""Write a file wholly or not at all, whatever happens in between."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sissi.errors import SissiError


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to that takes its place, durably, when the block ends well; else the old one stays.

    Raises:
        SissiError: the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished-{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _sync_folder(path.parent)
    except BaseException as error:
        unfinished.unlink(missing_ok=True)
        if is_full(error):
            raise SissiError(f"{path}: no space left on the disk; free some and run the same command again") from None
        raise


def write_whole(path: Path, content: bytes) -> None:
    """Write a file wholly or not at all; see `whole_file`."""
    with whole_file(path) as file:
        file.write(content)


def is_full(error: BaseException | None) -> bool:
    """Whether a fault, or what it came from, says that a disk, a quota or a file-size limit is exhausted."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        error = error.__cause__ or error.__context__
    return False


def _sync_folder(folder: Path) -> None:
    """Have the disk write down that a file has its new name; not every system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
