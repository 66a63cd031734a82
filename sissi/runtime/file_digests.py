"""What follows from the content of files, such as digests, kept so that only what has changed is read again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a model that is served keeps nothing
    from sissi.runtime.cache import Cache

SETTLED = 2 * 10**9
"""Nanoseconds after which a further change of a file changes its times; on FAT the clock has ticks of two seconds."""

Mark = list[int]
"""Size, time of modification, time of change and number of a file: as long as they are equal, so is its content."""
Known = dict[str, tuple[Mark, Any]]
"""Mark and value by path."""


class FileIndex:
    """Values that follow from the content of files, kept with the mark that each file had when it was read.

    A value counts as long as its file has that mark. Values of files that had just been changed when they were read are
    not kept: they may have been changed once more within the same tick of the clock. Processes need not wait for each
    other, since an index appears whole, and what one of them leaves out is only made again.
    """

    def __init__(self, cache: Cache, kind: str, content: Mapping[str, Any], paths: Iterable[Path]) -> None:
        """Load the index.

        Args:
            cache: cache that keeps it.
            kind: kind of its entry in the cache.
            content: everything besides code, libraries and files that determines a value; JSON values.
            paths: files, at least one; there is an index for their common folder.
        """
        self._here = str(Path.cwd())
        folders = {os.path.dirname(self._name(path)) for path in paths}  # noqa: PTH120  # pathlib would take most of the time
        self._entry = cache.entry(kind, {**content, "folder": os.path.commonpath(folders)})
        self._known = self._load()
        self._new = Known()

    def get(self, path: Path) -> Any:
        """The value of a file, or None if it is unknown or the file has changed.

        Raises:
            OSError: there is no such file.
        """
        name = self._name(path)
        mark, value = self._known.get(name, ([], None))
        return value if mark == _mark(os.stat(name)) else None  # noqa: PTH116

    def add(self, path: Path, value: Any, mark: Mark, begun: int) -> None:
        """Take in the value of a file, a JSON value.

        Args:
            path: file.
            value: value.
            mark: mark of the file before it was read.
            begun: time before it was read, in ns since 1970.
        """
        if max(mark[1:3]) + SETTLED < begun:
            self._new[self._name(path)] = mark, value

    def save(self) -> None:
        """Store what was added, beside what other processes have stored meanwhile.

        Raises:
            SissiError: the disk is full.
        """
        if self._new:
            self._entry.finish(self._load() | self._new)

    def _name(self, path: Path) -> str:
        return os.path.join(self._here, path)  # noqa: PTH118

    def _load(self) -> Known:
        """What is kept, which counts as used."""
        with suppress(OSError):  # it is not there yet, or was pruned in this very moment
            os.utime(self._entry.folder)
            return {name: (mark, value) for name, (mark, value) in (self._entry.result or {}).items()}
        return {}


def content_digests(paths: Sequence[Path], cache: Cache | None = None) -> list[bytes]:
    """sha256 of the content of each file, 32 bytes.

    Args:
        paths: files, such as the images of a data set.
        cache: keeps an index of them; None: every file is read.

    Raises:
        OSError: a file cannot be read.
        SissiError: the disk is full.
    """
    if cache is None or not paths:
        return [bytes.fromhex(_read(path)[1]) for path in paths]
    index, found = FileIndex(cache, "digests", {}, paths), []
    for path in paths:
        digest = index.get(path)
        if digest is None:
            begun = time_ns()
            mark, digest = _read(path)
            index.add(path, digest, mark, begun)
        found.append(bytes.fromhex(digest))
    index.save()
    return found


def mark_of(path: Path) -> Mark:
    """Mark of a file.

    Raises:
        OSError: there is no such file.
    """
    return _mark(path.stat())


def _read(path: Path) -> tuple[Mark, str]:
    with path.open("rb") as file:
        mark = _mark(os.fstat(file.fileno()))
        return mark, hashlib.file_digest(file, "sha256").hexdigest()


def _mark(status: os.stat_result) -> Mark:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
