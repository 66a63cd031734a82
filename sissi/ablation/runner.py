"""Execution of the stages of an experiment with a cache; events of finished stages are only replayed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

from sissi.ablation import cache_keys
from sissi.ablation.branch import BranchTask, branch_task
from sissi.config import Experiment
from sissi.config.variants import LabelSet, Variant
from sissi.data.experiment_data import ExperimentData
from sissi.method.deceleration import StartPoint
from sissi.method.trunk import Trunk
from sissi.runtime.cache import Cache, Entry, cache_folder
from sissi.runtime.engines import Engine, open_engine
from sissi.runtime.events import Event, Notice, Progress
from sissi.runtime.jobs import Outcome
from sissi.runtime.plans import Plan, Schedule
from sissi.runtime.progress import Display
from sissi.tracking import LocalRun, TrackingSession

T = TypeVar("T")


class StageRunner:
    """Runner of the stages of an experiment, for all its seeds.

    Attributes:
        experiment: all settings.
        data: data of the experiment.
        digests: digests of the data.
        session: recorded runs of the command.
        display: display of progress and warnings.
        engine: what runs the jobs.
        cache: cache of finished and unfinished work.
        machine: processor model, which is part of cache keys.
        runs_of: runs that record the events of a job, by the name of the job.
    """

    def __init__(
        self,
        experiment: Experiment,
        data: ExperimentData,
        digests: dict[str, str],
        session: TrackingSession,
        display: Display,
        engine: Engine,
        fresh: bool = False,
    ) -> None:
        self.experiment = experiment
        self.data = data
        self.digests = digests
        self.session = session
        self.display = display
        self.engine = engine
        self.cache = Cache(cache_folder(experiment.tracking.folder))
        self.machine = engine.machine()
        self.runs_of: dict[str, list[LocalRun]] = {}
        self._fresh = fresh
        self._used: set[Path] = set()

    def trunk(self, seed: int, labels: LabelSet = "weak") -> Entry:
        """Cache entry of the early learning of a seed on these labels."""
        role = {"weak": "target_train", "reference": "referenced", "corrected": "corrected"}[labels]
        digests = self.digests | {"target_train": self.digests[role]}
        return self.entry("trunk", cache_keys.trunk_key(self.experiment, seed, digests, self.machine))

    def branch(
        self, experiment: Experiment, variant: Variant, seed: int, trained: Trunk, start: StartPoint
    ) -> BranchTask:
        """Task of a variant after the trunk."""
        origin = self.trunk(seed, variant.labels)
        return branch_task(variant, experiment, seed, origin, trained, start.epoch, self.digests, self.entry)

    def entry(self, kind: str, content: dict[str, Any]) -> Entry:
        """Cache entry of a piece of work; if everything is trained from scratch, it is emptied at its first use."""
        entry = self.cache.entry(kind, content)
        if self._fresh and entry.folder not in self._used:
            self.cache.remove(entry)
        self._used.add(entry.folder)
        return entry

    def run(self, plans: Sequence[Plan[T]]) -> list[T]:
        """Run the jobs of several plans side by side, and return their results.

        The events of a job go to the display, and to the runs that `runs_of` has for its name.
        """
        runtime, schedule = self.experiment.runtime, Schedule(plans)

        def on_event(name: str, event: Event) -> None:
            self.record(name, self.runs_of.get(name, []), event)

        def ended(name: str, outcome: Outcome) -> None:
            self.display.finish(name)
            schedule.ended(name, outcome)

        try:
            side_by_side = self.engine.side_by_side(runtime.jobs)
            self.engine.run(schedule.jobs(), side_by_side, on_event, ended, deterministic=runtime.deterministic)
        except BaseException as error:
            schedule.fail(error)
            raise
        return [schedule.results[index] for index in range(len(plans))]

    def record(self, name: str, runs: Sequence[LocalRun], event: Event) -> None:
        """Pass an event of a job on to the display or to its runs."""
        match event:
            case Progress():
                self.display.update(name, event)
            case Notice(text):
                self.display.warn(text)
            case _:
                for run in runs:
                    run.record(event)
                self.session.deliver()


def engine_of(experiment: Experiment) -> AbstractContextManager[Engine]:
    """Engine that runs the jobs of an experiment, by its settings; see `open_engine`."""
    runtime = experiment.runtime
    folder = experiment.tracking.folder
    return open_engine(runtime.engine, folder, runtime.device, runtime.address, runtime.gpus_per_job)
