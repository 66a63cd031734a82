"""Whole commands of sissi, in processes and stores of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.subjects import FOLDER


def sissi(module: str, command: str, file: Path, folder: Path, *more: str) -> str:
    """What a command prints.

    Args:
        module: `benchmarks.tracked`, or `benchmarks.untracked` for one without MLflow.
        command: such as ablation.
        file: that it reads.
        folder: of its store and of all that it keeps.
        more: options.

    Raises:
        RuntimeError: the command failed.
    """
    arguments = [sys.executable, "-m", module, command, str(file), "--set", f"tracking.folder={folder}", *more]
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def fresh(name: str) -> Path:
    """A folder for such a store, with nothing in it."""
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    return folder
