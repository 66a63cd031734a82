"""sissi without any recording: `python -m benchmarks.untracked ablation ...`; MLflow is not even imported."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sissi.cli import main
from sissi.runtime.events import Event


class Silent:
    """Takes everything that is recorded and forgets it."""

    interrupted = False

    def __init__(self, folder: Path, name: str = "") -> None:
        self.folder = folder
        self.name = name
        self.header = {"started": 0}

    def run(self, experiment: str, name: str, **options: Any) -> Silent:
        """As `TrackingSession.run`."""
        return Silent(self.folder, name)

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def record(self, event: Event) -> None:
        """As `LocalRun.record`."""

    def end(self, status: str) -> None:
        """As `LocalRun.end`."""

    def run_id(self, run: Silent) -> None:
        """As `TrackingSession.run_id`, where nothing was uploaded."""

    def deliver(self) -> None:
        """As `TrackingSession.deliver`."""


def silent_session(folder: Path, key: str, **options: Any) -> nullcontext[Silent]:
    """In the place of `open_session`."""
    return nullcontext(Silent(folder))


if __name__ == "__main__":
    with patch("sissi.ablation.run.open_session", silent_session):
        main()
