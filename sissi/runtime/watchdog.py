"""A small process beside a command that acts if the command is killed.

It waits on a pipe that the system closes when the command is gone, however that came about. While it waits it has
imported nothing of weight, and it has a session of its own, so that a kill of the command's group spares it.
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
"""What a command writes to the pipe when it comes to its end, well or not."""


@contextmanager
def watched(action: Callable[..., object], *arguments: Path) -> Iterator[None]:
    """Have an action done by another process if this one is killed in the block.

    Args:
        action: an importable function.
        arguments: that it is called with, made absolute.
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
        start_new_session=True,
    )
    try:
        yield
    finally:
        process.communicate(DONE)


def watch() -> None:
    """Body of the process; its command line holds the module and name of the action, and its arguments."""
    if sys.stdin.buffer.read() != DONE:
        module, name, *arguments = sys.argv[1:]
        getattr(importlib.import_module(module), name)(*map(Path, arguments))
