"""What all machines of an ablation have in common: code, libraries, and a folder whose locks each of them feels."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout

from sissi.errors import SissiError
from sissi.runtime.cache import code_digest, library_versions
from sissi.runtime.files import write_whole
from sissi.runtime.locks import file_lock, require_flock


@dataclass(frozen=True)
class Agreement:
    """State of the process that submits jobs, which a machine compares with its own.

    Attributes:
        code: digest of sissi's code.
        libraries: versions of the libraries that may change a result.
        current: current folder, to which relative paths refer.
        file: file with the token in the shared folder.
        token: random text.
        lock: file in the shared folder that the process holds locked.
    """

    code: str
    libraries: dict[str, str]
    current: Path
    file: Path
    token: str
    lock: Path

    def enter(self) -> None:
        """Go to the current folder of the other process, if this machine agrees with that of the other process.

        Raises:
            SissiError: it does not; the message names this machine and the difference.
        """
        difference = self._difference()
        if difference is not None:
            raise SissiError(f"{socket.gethostname()}: {difference}")
        os.chdir(self.current)

    def _difference(self) -> str | None:
        folder = self.file.parent
        if not self.file.is_file() or self.file.read_text(encoding="utf-8") != self.token:
            return f"does not see the shared folder {folder}; mount it there under the same path"
        if not self.current.is_dir():
            return f"does not see the current folder {self.current}; run the command in a folder that all machines see"
        for name, version in library_versions().items():
            if version != self.libraries[name]:
                return f"has {name} {version} instead of {self.libraries[name]}; install the same versions everywhere"
        if code_digest() != self.code:
            return "has other code of sissi; install the same everywhere"
        require_flock(folder)
        try:
            with file_lock(self.lock, timeout=0):
                return f"does not feel the locks of other machines in {folder}; mount it with locks (Lustre: -o flock)"
        except Timeout:
            return None


@contextmanager
def agreed(folder: Path) -> Iterator[Agreement]:
    """The agreement of this process in a shared folder, for as long as the block lasts.

    Args:
        folder: shared folder; it is created if it is missing.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(8)
    file, lock = folder / f"engine-{token}.txt", folder / f"engine-{token}.lock"
    write_whole(file, token.encode())
    try:
        with file_lock(lock, timeout=0):
            yield Agreement(code_digest(), library_versions(), Path.cwd(), file, token, lock)
    finally:
        file.unlink(missing_ok=True)
        lock.unlink(missing_ok=True)
