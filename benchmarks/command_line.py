"""The time until `sissi --help` answers."""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks.row import Row, seconds

REPEATS = 7


def measure() -> list[Row]:
    """Against a Python that does nothing; the difference, not the ratio."""
    empty = [sys.executable, "-c", "pass"]
    asking = [sys.executable, "-c", "import sys; from sissi.cli import main; sys.argv = ['sissi', '--help']; main()"]
    pairs = [(_run(asking), _run(empty)) for _ in range(REPEATS)]
    return [
        Row(
            what="`sissi --help`",
            against="`python -c pass`",
            values=tuple(ours - theirs for ours, theirs in pairs),
            goal=0.5,
            ours=statistics.median(ours for ours, _ in pairs),
            theirs=statistics.median(theirs for _, theirs in pairs),
            limited_by="the import of Typer",
            unit="s more",
        )
    ]


def _run(command: list[str]) -> float:
    return seconds(lambda: subprocess.run(command, check=True, capture_output=True))
