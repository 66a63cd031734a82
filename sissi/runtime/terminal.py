"""Standard output and error that cannot stop the work: a closed pipe, a screen that lacks a letter."""

from __future__ import annotations

import os
import sys
from typing import IO, Any


class TolerantStream:
    """A text stream that is written to as long as its reader is there; later output is dropped.

    Everything else is that of the stream.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text; the number of its characters."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._close()
            return len(text)

    def flush(self) -> None:
        """Send on what was written."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._close()

    def _close(self) -> None:
        """Let the system drop what is written from now on, also what the interpreter flushes at its end."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def tolerate_terminal() -> None:
    """Make standard output and error of this process tolerant; letters that they lack become escapes."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
            setattr(sys, name, TolerantStream(stream))
