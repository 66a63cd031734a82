"""The seeds of an ablation on two nodes of Ray with a core each, against the same on one such node."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

from benchmarks.ablation import SIX
from benchmarks.commands import fresh, sissi
from benchmarks.row import Row, of_pairs, seconds

SMOKE = Path("experiments/smoke.yaml")
SEEDS = (0, 1, 2)
REPEATS = 2
SIZE = ("--node-ip-address=127.0.0.1", "--num-cpus=1", "--object-store-memory=100000000")
ENVIRONMENT = {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}


def measure() -> list[Row]:
    """Nodes are processes of this machine, started beforehand; no row without Ray."""
    if find_spec("ray") is None:
        print("nodes: left out, since Ray is not installed: pip install 'sissi[ray]'")
        return []
    return [
        of_pairs(
            [_repeat() for _ in range(REPEATS)],
            what=f"{len(SEEDS)} seeds of six variants on two nodes of one core (Ray, smoke.yaml)",
            against="the same on one such node",
            goal=0.58,
            limited_by="the command itself, and the imports of each job",
        )
    ]


def _repeat() -> tuple[float, float]:
    """Seconds on two nodes and on one."""
    with patch.dict(os.environ, ENVIRONMENT | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}), _head() as address:
        one = seconds(lambda: _ablation(address))
        with _node(f"--address={address}"):
            return seconds(lambda: _ablation(address)), one


def _ablation(address: str) -> None:
    settings = {
        "seeds": list(SEEDS),
        "variants": f"[{', '.join(SIX)}]",
        "runtime.device": "cpu",
        "runtime.trunk_threads": 1,
    }
    pairs = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    sissi("benchmarks.untracked", "ablation", SMOKE, fresh("nodes"), "--address", address, *pairs)


@contextmanager
def _head() -> Iterator[str]:
    """Address of a cluster of one node."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="ray-")  # short, since paths of sockets have 107 bytes
    try:
        with _node("--head", f"--port={port}", f"--temp-dir={folder}", "--include-dashboard=false"):
            yield f"127.0.0.1:{port}"
    finally:
        shutil.rmtree(folder)


@contextmanager
def _node(*arguments: str) -> Iterator[None]:
    """A node that has started, until the block ends.

    Raises:
        RuntimeError: it did not start.
    """
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *arguments, *SIZE]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            told = ""
            for line in process.stdout or ():
                told += line
                if "Ray runtime started" in line:
                    break
            else:
                raise RuntimeError(told)
            yield
        finally:
            process.terminate()
