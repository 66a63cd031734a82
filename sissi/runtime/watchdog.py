"""Small process that runs an action if its command is killed.

It waits on a pipe that the operating system closes when the command has ended, for any reason. While it waits, it has
imported no large package. It runs in its own session (on Windows, process group), so that Ctrl-C and other signals to
the command's process group do not reach it.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

DONE = b"done"
"""Message that a command writes to the pipe at its end, after success or an error."""


@contextmanager
def watched(action: Callable[..., object], *arguments: Path) -> Iterator[None]:
    """Let another process run an action if this process is killed in the block.

    Args:
        action: importable function.
        arguments: paths that the action is called with; they are made absolute.
    """
    code = f"from {__name__} import watch; watch()"
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    words = [action.__module__, action.__qualname__, *(str(path.resolve()) for path in arguments)]
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", code, *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # without effect on Windows
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # only Windows has it
    )
    try:
        yield
    finally:
        process.communicate(DONE)


def watch() -> None:
    """Main function of the process; its command line holds the module and name of the action, and its arguments."""
    if sys.stdin.buffer.read() != DONE:
        module, name, *arguments = sys.argv[1:]
        getattr(importlib.import_module(module), name)(*map(Path, arguments))
