"""Which commit of the code a run was made with."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path


@cache
def commit_tags() -> dict[str, str]:
    """The commit that this package, or else the current folder, is checked out at, and whether files were changed."""
    package = Path(__file__).parents[1]
    # a package in a virtual environment inside somebody's checkout is ignored there: it is not that commit's code
    ignored = _git(package, "check-ignore", str(package))
    for folder in [Path.cwd()] if ignored else [package, Path.cwd()]:
        commit = _git(folder, "rev-parse", "HEAD")
        if commit:
            changed = bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))
            return {"mlflow.source.git.commit": commit, "sissi.uncommitted_changes": str(changed).lower()}
    return {}


def _git(folder: Path, *arguments: str) -> str:
    """What git prints, or nothing: no git, no checkout, no answer."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
