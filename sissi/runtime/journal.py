"""What somebody has said, in order and on disk, so that it can be said again after an interruption."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sissi.errors import SissiError
from sissi.runtime.files import append_whole, naming_full_disk


class ForeignPath(SissiError):
    """A journal that names a file outside its own folder."""


class Journal:
    """A list of calls, each a method and its arguments, that grows on disk.

    Arguments are what JSON holds, besides pictures ((H, W, 3) uint8 arrays, kept without loss) and paths of files
    (copied, so that the original may change or go). A call that a crash has cut in half is dropped.

    Raises:
        SissiError: the disk is full; the calls so far are as they were.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "calls.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        self._lines = self._whole_lines()

    def __len__(self) -> int:
        return len(self._lines)

    def append(self, method: str, arguments: tuple[Any, ...]) -> None:
        """Write down a call: the process may be killed after it, and `sync` makes it survive a power cut too."""
        self.add(self.line(method, arguments))

    def line(self, method: str, arguments: tuple[Any, ...]) -> bytes:
        """A call as it is written, before it is: a picture or a file is named by its content."""
        return json.dumps([method, self._encode(arguments)], ensure_ascii=False).encode()

    def add(self, line: bytes) -> None:
        """Write down what `line` has made; if the disk is full, all of it or nothing."""
        append_whole(self._file, line + b"\n")
        self._lines.append(line)

    def calls(self, start: int = 0) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """The calls from a position on.

        Raises:
            ForeignPath: somebody has changed the journal, so that it asks for a file that is not its own.
        """
        for method, arguments in self.raw(start):
            yield method, tuple(self._decode(arguments))

    def raw(self, start: int = 0) -> list[tuple[str, list[Any]]]:
        """The calls from a position on, with their arguments as `line` writes them."""
        return [tuple(json.loads(line)) for line in self._lines[start:]]

    def truncate(self, length: int) -> None:
        """Forget the calls from a position on."""
        if length < len(self):
            del self._lines[length:]
            os.truncate(self._file, sum(len(line) + 1 for line in self._lines))

    def sync(self) -> None:
        """Have the disk write down what has been said so far."""
        if self._lines:
            with self._file.open("rb") as file:
                os.fsync(file.fileno())

    def _whole_lines(self) -> list[bytes]:
        """The calls in the file; an unfinished last one is cut off."""
        content = self._file.read_bytes() if self._file.exists() else b""
        end = content.rfind(b"\n") + 1
        if end < len(content):
            os.truncate(self._file, end)
        return content[:end].splitlines()

    def _encode(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return {"$picture": self._keep_picture(value)}
        if isinstance(value, Path):
            return {"$file": self._keep_file(value)}
        if isinstance(value, dict):
            return {str(key): self._encode(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._encode(inner) for inner in value]
        return value.item() if isinstance(value, np.generic) else value

    def _decode(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._decode(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        if "$picture" in value:
            return cv2.cvtColor(cv2.imread(str(self._own(value["$picture"]))), cv2.COLOR_BGR2RGB)
        if "$file" in value:
            return self._own(value["$file"])
        return {key: self._decode(inner) for key, inner in value.items()}

    def _own(self, name: str) -> Path:
        """A file that the journal keeps."""
        path = self.folder / name
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise ForeignPath(f"{self._file}: names {name!r}, a file outside its folder; it is not read")
        return path

    def _keep_picture(self, picture: np.ndarray[Any, Any]) -> str:
        _, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        name = f"{hashlib.sha256(encoded.tobytes()).hexdigest()[:16]}.png"
        with naming_full_disk(self.folder):
            (self.folder / name).write_bytes(encoded.tobytes())
        return name

    def _keep_file(self, path: Path) -> str:
        """A copy under the file's own name, in a folder named by the content."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        with naming_full_disk(self.folder):
            (self.folder / digest).mkdir(exist_ok=True)
            shutil.copyfile(path, self.folder / digest / path.name)
        return f"{digest}/{path.name}"
