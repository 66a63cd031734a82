"""Digests of files, kept with the size and the times of each file, so that only what has changed is read again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a model that is served keeps nothing
    from sissi.runtime.cache import Cache, Entry

SETTLED = 2 * 10**9
"""Nanoseconds after which a further change of a file changes its times; on FAT the clock has ticks of two seconds."""

Mark = list[int]
"""Size, time of modification, time of change and number of a file: as long as they are equal, so is its content."""
Known = dict[str, tuple[Mark, str]]
"""Mark and digest by path."""


def content_digests(paths: Sequence[Path], cache: Cache | None = None) -> list[bytes]:
    """sha256 of the content of each file, 32 bytes.

    A file is read unless its mark is the one that it had when it was read before. Files that had just been changed then
    are read again: they may have been changed once more within the same tick of the clock. Processes need not wait for
    each other, since an index appears whole, and what one of them leaves out is only read again.

    Args:
        paths: files, such as the images of a data set.
        cache: keeps an index for their common folder; None: every file is read.

    Raises:
        OSError: a file cannot be read.
        SissiError: the disk is full.
    """
    if cache is None or not paths:
        return [bytes.fromhex(_read(path)[1]) for path in paths]
    here = str(Path.cwd())
    names = [os.path.join(here, path) for path in paths]  # noqa: PTH118  # pathlib would take most of the time
    entry = cache.entry("digests", {"folder": os.path.commonpath({os.path.dirname(name) for name in names})})  # noqa: PTH120
    known, new = _index(entry), Known()
    found = []
    for name, path in zip(names, paths, strict=True):
        mark, digest = known.get(name, ([], ""))
        if mark != _mark(os.stat(name)):  # noqa: PTH116
            begun = time_ns()
            mark, digest = _read(path)
            if max(mark[1:3]) + SETTLED < begun:
                new[name] = mark, digest
        found.append(bytes.fromhex(digest))
    if new:
        entry.finish(_index(entry) | new)
    return found


def _index(entry: Entry) -> Known:
    """What is kept, which counts as used."""
    with suppress(OSError):  # it is not there yet, or was pruned in this very moment
        os.utime(entry.folder)
        return {name: (mark, digest) for name, (mark, digest) in (entry.result or {}).items()}
    return {}


def _read(path: Path) -> tuple[Mark, str]:
    with path.open("rb") as file:
        mark = _mark(os.fstat(file.fileno()))
        return mark, hashlib.file_digest(file, "sha256").hexdigest()


def _mark(status: os.stat_result) -> Mark:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
