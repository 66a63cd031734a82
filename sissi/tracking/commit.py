"""Commit of the code with which a run was made."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path


@cache
def commit_tags() -> dict[str, str]:
    """Tags with the commit of this package's checkout, or else of the current folder, and with changed files or not."""
    package = Path(__file__).parents[1]
    # git ignores a package in a virtual environment inside a checkout: its code does not belong to that commit
    ignored = _git(package, "check-ignore", str(package))
    for folder in [Path.cwd()] if ignored else [package, Path.cwd()]:
        commit = _git(folder, "rev-parse", "HEAD")
        if commit:
            changed = bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))
            return {"mlflow.source.git.commit": commit, "sissi.uncommitted_changes": str(changed).lower()}
    return {}


def _git(folder: Path, *arguments: str) -> str:
    """Output of git; empty without git, outside of a checkout, and after a timeout."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
