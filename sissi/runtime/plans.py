"""Plans: several pieces of work, each in steps of jobs, whose jobs share the processes."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from sissi.runtime.jobs import Job, Outcome

T = TypeVar("T")
Step = Sequence[Job]
"""Jobs that may run side by side, with names that are unique among all plans."""
Plan = Generator[Step, dict[str, Outcome], T]
"""Generator of steps, which receives the outcomes of the jobs of each by name; its return value is the result."""


class Schedule(Generic[T]):
    """Order of the jobs of several plans: a plan goes on as soon as its step has ended, whatever the others do.

    Of the jobs that can start, that of the first plan is next, and a plan begins only when the earlier ones leave a
    process free. So plans end in their order, and with one process they run one after another.

    Attributes:
        results: result of each plan that has ended, by its index.
    """

    def __init__(self, plans: Sequence[Plan[T]]) -> None:
        self.results: dict[int, T] = {}
        self._plans = plans
        self._waiting: dict[int, list[Job]] = {}
        self._running: dict[str, int] = {}
        self._outcomes: dict[int, dict[str, Outcome]] = {}

    def jobs(self) -> Iterator[Job | None]:
        """Jobs in the order in which they start; None where none can start before another has ended."""
        unopened = iter(range(len(self._plans)))
        while len(self.results) < len(self._plans):
            job = self._next()
            index = None if job else next(unopened, None)
            if index is None:
                yield job
            else:
                self._go_on(index, None)

    def ended(self, name: str, outcome: Outcome) -> None:
        """Take note of the outcome of a job; if it was the last of its step, its plan goes on."""
        index = self._running.pop(name)
        self._outcomes[index][name] = outcome
        if not self._waiting[index] and index not in self._running.values():
            self._go_on(index, self._outcomes[index])

    def fail(self, error: BaseException) -> None:
        """Raise an error in every plan that has begun and not ended, so that each closes what it opened."""
        for index in sorted(self._waiting.keys() - self.results.keys()):
            with suppress(BaseException):  # the caller raises the error
                self._plans[index].throw(error)

    def _next(self) -> Job | None:
        for index in sorted(self._waiting):
            if self._waiting[index]:
                job = self._waiting[index].pop(0)
                self._running[job.name] = index
                return job
        return None

    def _go_on(self, index: int, outcomes: dict[str, Outcome] | None) -> None:
        """Ask a plan for its next step with jobs; it begins if there are no outcomes yet."""
        plan = self._plans[index]
        self._waiting[index], self._outcomes[index] = [], {}
        try:
            while not self._waiting[index]:
                self._waiting[index] = list(next(plan) if outcomes is None else plan.send(outcomes))
                outcomes = {}
        except StopIteration as end:
            self.results[index] = end.value
