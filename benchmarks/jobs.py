"""Jobs of sissi of which none may fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sissi.errors import SissiError
from sissi.runtime.engines.local import run
from sissi.runtime.jobs import Job


def finished(jobs: Sequence[Job], side_by_side: int) -> list[Any]:
    """What each job returned, in the order of the jobs.

    Raises:
        SissiError: one failed.
    """
    outcomes = run(jobs, side_by_side, lambda *told: None)
    for name, outcome in outcomes.items():
        if outcome.error is not None:
            raise SissiError(f"{name}: {outcome.error}\n{outcome.details or ''}")
    return [outcomes[job.name].value for job in jobs]
