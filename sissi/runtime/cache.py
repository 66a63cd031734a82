"""Finished and half-finished work, found again by everything that decides its content.

A stage of an experiment has a folder here, named by a digest of its settings, its data, the code and the libraries.
Who asks for equal work finds it done, and who was interrupted finds how far it got. What is worked out of single images
lies here too, a file an image: see `sissi.data.image_cache`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache as once
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sissi.runtime.files import write_whole

DAY = 86400.0
LIBRARIES = ("torch", "torchvision", "numpy", "scipy", "opencv-python-headless", "albumentations", "numba")
"""Whose versions may change a result."""
OF_IMAGES = ("resized", "weak_labels")
"""Kinds that are a file an image, of which any number may be there."""


@dataclass(frozen=True)
class Entry:
    """The folder of a piece of work.

    Attributes:
        kind: such as trunk or branch.
        digest: of everything that decides its content, 64 hexadecimal digits.
        folder: for its files; `lock` makes it.
    """

    kind: str
    digest: str
    folder: Path

    @contextmanager
    def lock(self, tell: Callable[[str], None]) -> Iterator[None]:
        """Whoever works here is alone; a second one says so and waits. The operating system ends it on death."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{self.folder}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            tell(f"the same {self.kind} is being worked on elsewhere; waiting for it")
            lock.acquire()
        with lock:
            lock.release()
            self.folder.mkdir(parents=True, exist_ok=True)
            os.utime(self.folder)
            yield

    @property
    def result(self) -> Any:
        """What `finish` was given, or None while the work is not finished."""
        path = self.folder / "result.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def finish(self, result: Any) -> None:
        """The work is done; the result is a JSON value."""
        write_whole(self.folder / "result.json", json.dumps(result).encode())

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(_size(path) for path in self.folder.rglob("*"))

    @property
    def used(self) -> float:
        """When somebody last asked for it, in seconds since 1970."""
        return self.folder.stat().st_mtime

    @property
    def used_at(self) -> str:
        """The same, to be read."""
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(self.used))

    @property
    def state(self) -> str:
        """Whether it is finished; a trunk never is, since a longer one may be asked for, nor what is kept of images."""
        if self.kind in OF_IMAGES:
            return f"{len(list(self.folder.glob('*.npy')))} images"
        epochs = len(list(self.folder.glob("epoch_*.json")))
        return "yes" if (self.folder / "result.json").exists() else f"{epochs} epochs"


class Cache:
    """All of it, below one folder: `KIND/DIGEST/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entry(self, kind: str, content: Mapping[str, Any]) -> Entry:
        """The place of a piece of work.

        Args:
            kind: such as trunk or branch.
            content: everything besides code and libraries that decides its content; JSON values.
        """
        named = json.dumps([kind, _code(), _libraries(), content], sort_keys=True)
        digest = hashlib.sha256(named.encode()).hexdigest()
        return Entry(kind, digest, self.folder / kind / digest[:20])

    def entries(self) -> list[Entry]:
        """What there is, the longest unused first."""
        folders = [path for path in self.folder.glob("*/*") if path.is_dir()]
        found = [Entry(path.parent.name, path.name, path) for path in folders]
        return sorted(found, key=lambda entry: entry.used)

    def remove(self, entry: Entry) -> bool:
        """Delete a piece of work, unless somebody is at it."""
        lock = FileLock(f"{entry.folder}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        with lock:
            lock.release()
            shutil.rmtree(entry.folder, ignore_errors=True)
        return True

    def prune(self, limit: float, unused_for: float = DAY) -> list[Entry]:
        """Delete the longest unused work until the rest fits into a limit; give what was deleted.

        Args:
            limit: in bytes.
            unused_for: what was asked for within this many seconds stays: a command under way may come back to it.
        """
        entries = self.entries()
        total = sum(entry.size for entry in entries)
        removed = []
        for entry in entries:
            size = entry.size
            if total > limit and time.time() - entry.used >= unused_for and self.remove(entry):
                total -= size
                removed.append(entry)
        return removed


def cache_folder(tracking: Path) -> Path:
    """Where work is kept, below the folder of tracking."""
    return tracking.resolve() / "cache"


def _size(path: Path) -> int:
    """Of a file, in bytes; 0 of a folder, and of a file that went away meanwhile."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


@once
def _code() -> str:
    """Digest of this package's code: changed code never meets old work."""
    sources = sorted(Path(__file__).parents[1].rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


@once
def _libraries() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}
