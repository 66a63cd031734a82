"""Connection to a Ray cluster, or a Ray of this machine alone that ends with the command and leaves nothing behind.

A Ray that is started here binds to the loopback address, has a token that is stored nowhere, sends no statistics of its
use, and writes to its folder alone. Environment variables of Ray that are set already are left as they are.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sissi.errors import SissiError
from sissi.runtime.device import cores

OBJECTS = 2**27
"""Memory for arguments and messages, in bytes; what exceeds it goes to the folder."""
QUIET = {"RAY_DEDUP_LOGS_SKIP_REGEX": "."}
"""No words of Ray on the screen: what happens to a job is said by the engine."""
OWN = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # otherwise 15, so that any other process of the machine goes first
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on Linux too, its address is then 127.0.0.1
}
"""Environment of a Ray that is started here."""


def prepare(address: str) -> None:
    """Set the environment of Ray, before `ray` is imported; what is set already stays."""
    for key, value in (QUIET | OWN if address == "auto" else QUIET).items():
        os.environ.setdefault(key, value)


@contextmanager
def connected(address: str, folder: Path) -> Iterator[None]:
    """Connect to a cluster, or start Ray here.

    Args:
        address: HOST:PORT of the cluster, or auto to start Ray here.
        folder: folder of a Ray that is started here; created if it is missing.

    Raises:
        SissiError: Ray cannot be started, or does not answer.
    """
    import ray

    handler = signal.getsignal(signal.SIGTERM)  # `ray.init` replaces it
    arguments: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    what = f"runtime.address: {address}: no Ray cluster can be used there"
    with ExitStack() as stack:
        if address == "auto":
            address, what = "local", f"runtime.engine: Ray cannot be started in {folder}"
            arguments |= {"_temp_dir": stack.enter_context(_session(folder)), "num_cpus": cores()}
            arguments |= {"object_store_memory": OBJECTS, "include_dashboard": False}
        stack.callback(ray.shutdown)
        with _explained(what):
            ray.init(address, **arguments)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)
        yield


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # Ray raises that very class where a busy machine starts too slowly
        reason = " ".join(str(error).split())
        raise SissiError(f"{what} ({reason}); see docs/clusters.md") from None


@contextmanager
def _session(folder: Path) -> Iterator[str]:
    """Temporary folder of one start of Ray; it stays after an error, with the logs."""
    if "RAY_TMPDIR" in os.environ:
        yield os.environ["RAY_TMPDIR"]
        return
    folder.mkdir(parents=True, exist_ok=True)
    own = tempfile.mkdtemp(prefix="session-", dir=folder)
    if sys.platform == "linux":  # paths of sockets have 107 bytes at most, so Ray gets a short name of the folder
        descriptor = os.open(own, os.O_RDONLY)
        try:
            yield f"/proc/{os.getpid()}/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        yield own
    shutil.rmtree(own, ignore_errors=True)
