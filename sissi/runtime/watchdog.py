"""A small process beside a command that marks the command's runs if it is killed: see `tracking.stop_abandoned`.

It waits on a pipe that the system closes when the command is gone, however that came about. While it waits it has
imported nothing of weight, and it has a session of its own, so that a kill of the command's group spares it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GOODBYE = b"goodbye"
"""What a command says that has come to its end, well or not."""


@contextmanager
def watched(folder: Path, place: Path) -> Iterator[None]:
    """Have the recording in `place` stopped if this process is killed in the block.

    Args:
        folder: of tracking.
        place: folder of the recording.
    """
    code = f"from {__name__} import watch; watch()"
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", code, str(folder.resolve()), str(place.resolve())],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        process.communicate(GOODBYE)


def watch() -> None:
    """Body of the process; its arguments are those of `watched`."""
    if sys.stdin.buffer.read() != GOODBYE:
        from sissi.tracking import stop_abandoned

        stop_abandoned(*map(Path, sys.argv[1:]))
