"""Cache of finished and unfinished work, addressed by everything that determines its content.

Each stage of an experiment has a folder here, named by a digest of its settings, data, code and libraries. A command
that needs the same work again loads it, and an interrupted command continues from the last stored state. Results that
are computed for single images are stored here too, one file per image: see `sissi.data.image_cache`.
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

from filelock import Timeout

from sissi.runtime.files import write_whole
from sissi.runtime.locks import file_lock

DAY = 86400.0
LIBRARIES = (
    "torch", "torchvision", "numpy", "scipy", "opencv-python-headless", "albumentations", "numba", "pycocotools",
    "ensemble-boxes", "scikit-image", "timm",
)  # fmt: skip
"""Packages whose version may change a result."""
IMAGE_KINDS = ("resized", "weak_labels", "cell_size")
"""Kinds with one file per image and any number of files."""


@dataclass(frozen=True)
class Entry:
    """Folder of a piece of work.

    Attributes:
        kind: kind of work, such as trunk or branch.
        digest: digest of everything that determines the content, 64 hexadecimal digits.
        folder: folder for its files; `lock` creates it.
    """

    kind: str
    digest: str
    folder: Path

    @contextmanager
    def lock(self, notify: Callable[[str], None]) -> Iterator[None]:
        """Hold the entry for one process; a second process notifies its user and waits.

        The operating system releases the lock when the process ends.

        Args:
            notify: function that shows a sentence to the user.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = file_lock(f"{self.folder}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            notify(f"another process computes the same {self.kind}; waiting for it")
            lock.acquire()
        with lock:
            lock.release()
            self.folder.mkdir(parents=True, exist_ok=True)
            os.utime(self.folder)
            yield

    @property
    def result(self) -> Any:
        """The value that was given to `finish`, or None while the work is unfinished."""
        path = self.folder / "result.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def finish(self, result: Any) -> None:
        """Store the result, a JSON value, and so mark the work as finished."""
        write_whole(self.folder / "result.json", json.dumps(result).encode())

    @property
    def size(self) -> int:
        """Size of all files, in bytes."""
        return sum(_size(path) for path in self.folder.rglob("*"))

    @property
    def used(self) -> float:
        """Time of the last use, in seconds since 1970."""
        return self.folder.stat().st_mtime

    @property
    def used_at(self) -> str:
        """Time of the last use as text, such as 2024-05-31 18:05, in local time."""
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(self.used))

    @property
    def state(self) -> str:
        """State as text: finished ("yes"), the number of epochs so far, or the number of images.

        A trunk is never finished, since a longer one may be needed; neither are results of single images.
        """
        if self.kind in IMAGE_KINDS:
            return f"{len(list(self.folder.glob('*.npy')))} images"
        epochs = len(list(self.folder.glob("epoch_*.json")))
        return "yes" if (self.folder / "result.json").exists() else f"{epochs} epochs"


class Cache:
    """All entries below one folder, as `KIND/DIGEST/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entry(self, kind: str, content: Mapping[str, Any]) -> Entry:
        """The entry of a piece of work.

        Args:
            kind: kind of work, such as trunk or branch.
            content: everything besides code and libraries that determines the content; JSON values.
        """
        named = json.dumps([kind, code_digest(), library_versions(), content], sort_keys=True)
        digest = hashlib.sha256(named.encode()).hexdigest()
        return Entry(kind, digest, self.folder / kind / digest[:20])

    def entries(self) -> list[Entry]:
        """All entries, the longest unused first."""
        folders = [path for path in self.folder.glob("*/*") if path.is_dir()]
        entries = [Entry(path.parent.name, path.name, path) for path in folders]
        return sorted(entries, key=lambda entry: entry.used)

    def remove(self, entry: Entry) -> bool:
        """Delete an entry, unless a process works on it; return whether it was deleted."""
        lock = file_lock(f"{entry.folder}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        with lock:
            lock.release()
            shutil.rmtree(entry.folder, ignore_errors=True)
        return True

    def prune(self, limit: float, unused_for: float = DAY) -> list[Entry]:
        """Delete the longest unused entries until the rest fits into a limit; return the deleted ones.

        Args:
            limit: largest total size, in bytes.
            unused_for: entries used within this many seconds stay, since a running command may need them again.
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
    """Folder of the cache, below the tracking folder."""
    return tracking.resolve() / "cache"


def _size(path: Path) -> int:
    """Size of a file, in bytes; 0 for a folder and for a file that has been deleted meanwhile."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


@once
def code_digest() -> str:
    """Digest of this package's code, so that changed code never loads old work."""
    sources = sorted(Path(__file__).parents[1].rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


@once
def library_versions() -> dict[str, str]:
    """Versions of the packages that may change a result."""
    return {name: version(name) for name in LIBRARIES}
