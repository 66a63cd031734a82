"""Journal of events on disk, so that they can be replayed after an interruption."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sissi.errors import SissiError
from sissi.runtime.events import NAMES, File, Json, Lasting, Model, Picture, name_and_fields
from sissi.runtime.files import append_whole, naming_full_disk


class ForeignPath(SissiError):
    """Journal that names a file outside its own folder."""


class Journal:
    """List of events on disk, to which events are appended.

    Large content is stored in files beside the list, named by a digest of their content: pictures (lossless), JSON
    artifacts, and copies of the files that events name, so that the originals may change or be deleted. An incomplete
    last event, as a crash leaves it, is dropped.

    Attributes:
        folder: folder of the journal; it is created if necessary.

    Raises:
        SissiError: the disk is full; the events so far are unchanged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "calls.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        self._lines = self._whole_lines()

    def __len__(self) -> int:
        return len(self._lines)

    def append(self, event: Lasting) -> Lasting:
        """Store an event, and return it with the paths of the journal's own files.

        The event survives a kill of the process; after `sync` it also survives a power failure.
        """
        stored = self.store(event)
        self.add(self.line(stored))
        return stored

    def store(self, event: Lasting) -> Lasting:
        """Write the large content of an event to files; return the event with their paths. A `Json` becomes a `File`.

        Raises:
            SissiError: the disk is full.
        """
        if isinstance(event, Json):
            folder, _, name = event.path.rpartition("/")
            return File(self._store_bytes(json.dumps(event.content, ensure_ascii=False).encode(), name), folder)
        if isinstance(event, Picture) and isinstance(event.image, np.ndarray):
            return replace(event, image=self._store_picture(event.image))
        if isinstance(event, Picture) and isinstance(event.image, Path):
            return replace(event, image=self._store_file(event.image))
        return replace(event, path=self._store_file(event.path)) if isinstance(event, File | Model) else event

    def line(self, stored: Lasting) -> bytes:
        """Line of the file for an event that `store` returned, without its newline."""
        name, values = name_and_fields(stored)
        return json.dumps([name, [self._encode(value) for value in values]], ensure_ascii=False).encode()

    def add(self, line: bytes) -> None:
        """Append a line that `line` returned, completely or not at all.

        Raises:
            SissiError: the disk is full.
        """
        append_whole(self._file, line + b"\n")
        self._lines.append(line)

    def events(self, start: int = 0) -> Iterator[Lasting]:
        """Events from a position on.

        Raises:
            ForeignPath: the journal was manipulated and names a file outside its folder.
        """
        for name, values in self.raw(start):
            event = NAMES[name](*map(self._decode, values))
            named = event.image if isinstance(event, Picture) else getattr(event, "path", None)
            if isinstance(event, Picture | File | Model) and not isinstance(named, Path):
                raise self._foreign(named)
            yield event

    def raw(self, start: int = 0) -> list[tuple[str, list[Any]]]:
        """Names and fields of the events from a position on, in the form that `line` writes."""
        return [tuple(json.loads(line)) for line in self._lines[start:]]

    def truncate(self, length: int) -> None:
        """Delete the events from a position on."""
        if length < len(self):
            del self._lines[length:]
            os.truncate(self._file, sum(len(line) + 1 for line in self._lines))

    def sync(self) -> None:
        """Write all events so far to disk durably (fsync)."""
        if self._lines:
            with self._file.open("rb+") as file:
                os.fsync(file.fileno())

    def _whole_lines(self) -> list[bytes]:
        """Complete lines of the file; an incomplete last line is cut off."""
        content = self._file.read_bytes() if self._file.exists() else b""
        end = content.rfind(b"\n") + 1
        if end < len(content):
            os.truncate(self._file, end)
        return content[:end].splitlines()

    def _encode(self, value: Any) -> Any:
        if isinstance(value, Path):
            name = value.relative_to(self.folder).as_posix()
            return {"$file": name} if "/" in name else {"$picture": name}
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
        for kind in ("$picture", "$file"):
            if kind in value:
                return self._own(value[kind])
        return {key: self._decode(inner) for key, inner in value.items()}

    def _own(self, name: str) -> Path:
        """Path of a file of the journal, by its name."""
        path = self.folder / name
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise self._foreign(name)
        return path

    def _foreign(self, name: object) -> ForeignPath:
        return ForeignPath(f"{self._file}: names {name!r}, a file outside its folder; the file is not read")

    def _store_picture(self, picture: np.ndarray[Any, Any]) -> Path:
        _, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        path = self.folder / f"{_digest(encoded.tobytes())}.png"
        with naming_full_disk(self.folder):
            path.write_bytes(encoded.tobytes())
        return path

    def _store_bytes(self, content: bytes, name: str) -> Path:
        """Write a file of this name to a folder that is named by the content; return its path."""
        path = self.folder / _digest(content) / name
        with naming_full_disk(self.folder):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        return path

    def _store_file(self, path: Path) -> Path:
        """Copy a file to a folder that is named by the content; return the path of the copy.

        A file that is already in the journal is not copied.
        """
        if path.is_relative_to(self.folder):
            return path
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        copy = self.folder / digest / path.name
        with naming_full_disk(self.folder):
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, copy)
        return copy


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
