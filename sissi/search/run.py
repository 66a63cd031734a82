"""Execution of a study, from its file to its plots; every trial is a child of the study's run in MLflow."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from optuna.trial import Trial, TrialState

from sissi.ablation import cache_keys
from sissi.ablation.runner import StageRunner, engine_of
from sissi.ablation.seed import SeedRun
from sissi.config import Experiment
from sissi.config.load import dump_experiment, flatten
from sissi.data.checks.check import load_checked
from sissi.data.problems import Problems
from sissi.runtime.cache import Cache, cache_folder
from sissi.runtime.events import Event, File, Metrics, Model, Params, Text
from sissi.runtime.jobs import Job, Outcome
from sissi.runtime.progress import Display
from sissi.runtime.redact import without_password
from sissi.search import results
from sissi.search.file import Search, experiment_of
from sissi.search.results import Summary
from sissi.search.study import Study
from sissi.search.trial import Trained, train
from sissi.tracking import STUDY, LocalRun, TrackingSession, open_session


class Trials:
    """Trials of one process.

    Attributes:
        search: settings of the study.
        overrides: `key.key=value` overrides of the experiment.
        study: study in Optuna's storage.
        runner: runner of the stages.
        parent: run of the study.
        deadline: time after which no trial starts, or None.
    """

    def __init__(
        self, search: Search, overrides: Sequence[str], study: Study, runner: StageRunner, parent: LocalRun
    ) -> None:
        self.search = search
        self.overrides = overrides
        self.study = study
        self.runner = runner
        self.parent = parent
        self.deadline = time.monotonic() + search.timeout if search.timeout else None
        self._trials: dict[str, Trial] = {}
        self._runs: dict[str, LocalRun] = {}
        self._values: dict[str, float] = {}

    def run(self) -> None:
        """Train trials until the number of the search file or the time limit is reached."""
        runtime = self.runner.experiment.runtime
        engine = self.runner.engine
        side_by_side = engine.side_by_side(runtime.jobs)
        engine.run(self._jobs(), side_by_side, self._on_event, self._ended, deterministic=runtime.deterministic)

    def _jobs(self) -> Iterator[Job]:
        while self.deadline is None or time.monotonic() < self.deadline:
            trial = self.study.ask()
            if trial is None:
                return
            values = self.study.suggest(trial)
            experiment = experiment_of(self.search, self.overrides, values)
            name = f"trial {trial.number:03d}"
            self._trials[name] = trial
            self._runs[name] = self._start(name, trial, experiment, values)
            cache = cache_folder(self.runner.experiment.tracking.folder)
            work = (experiment, self.runner.data, self.runner.digests, cache, self.search.oracle)
            yield Job(name, train, work)

    def _start(self, name: str, trial: Trial, experiment: Experiment, values: dict[str, Any]) -> LocalRun:
        tags = {"sissi.stage": "trial", "sissi.trial": str(trial.number), **results.oracle_tag(self.search)}
        tracked = self.runner.session.run(experiment.name, name, parent=self.parent, tags=tags)
        tracked.record(Params(flatten(experiment) | {f"searched/{key}": value for key, value in values.items()}))
        return tracked

    def _on_event(self, name: str, event: Event) -> bool:
        """Show or record an event of a trial; return whether the pruner stops the trial."""
        self.runner.record(name, [self._runs[name]], event)
        if not isinstance(event, Metrics) or self.search.objective not in event.values:
            return False
        self._values[name] = event.values[self.search.objective]
        self._trials[name].report(self._values[name], event.step)
        return self._trials[name].should_prune()

    def _ended(self, name: str, outcome: Outcome) -> None:
        trial, tracked = self._trials.pop(name), self._runs.pop(name)
        self.runner.display.finish(name)
        if outcome.error is not None:
            self._fail(name, trial, tracked, outcome)
            return
        trained: Trained | None = outcome.value
        if trained is not None:
            for key in ("start", "reason", "found", "shared"):
                trial.set_user_attr(key, getattr(trained, key))
            tracked.record(Params({"start_epoch": trained.start}))
            tracked.record(Model(trained.model, "model", trained.epochs))
        value = self._values.pop(name)
        self.study.optuna.tell(
            trial, None if outcome.stopped else value, TrialState.PRUNED if outcome.stopped else None
        )
        tracked.record(Metrics({"objective": value}))
        tracked.end("FINISHED")
        start = f"start {trained.start}{', trained before' if trained.shared else ''}" if trained else "stopped early"
        self.runner.display.log(f"{name}: {self.search.objective} {value:.4f} ({start})")

    def _fail(self, name: str, trial: Trial, tracked: LocalRun, outcome: Outcome) -> None:
        self.study.optuna.tell(trial, state=TrialState.FAIL)
        tracked.record(Text(outcome.details or str(outcome.error), "error.txt"))
        tracked.end("FAILED")
        self.runner.display.warn(f"{name} failed: {outcome.error}")


def run_search(
    search: Search,
    overrides: Sequence[str],
    display: Display,
    out: Path | None = None,
    *,
    offline: bool = False,
) -> Summary:
    """Run or continue a study, and return its results.

    Args:
        search: settings of the study.
        overrides: `key.key=value` overrides of the experiment.
        display: display of progress and warnings.
        out: further folder for trials.csv, trials.md and the figures.
        offline: whether to record only on this machine, for `sissi upload`.

    Raises:
        SissiError: data, store or storage cannot be used, early learning failed, or no trial has finished.
    """
    experiment = experiment_of(search, overrides, {})
    data, problems = load_checked(experiment, display.warn)
    digests = cache_keys.data_digests(data)
    key = _key(search, experiment, digests)
    folder = experiment.tracking.folder
    with open_session(folder, key, offline=offline, fresh=False, notify=display.log) as session:
        study = Study(search, f"{search.name}-{key[:8]}", folder)
        if study.repeated:
            display.log(f"{study.repeated} interrupted trials are run again")
        try:
            with _parent(session, search, study) as parent, engine_of(experiment) as engine:
                _describe(parent, search, experiment, study, problems)
                runner = StageRunner(experiment, data, digests, session, display, engine)
                [trunk] = runner.run([SeedRun(runner, parent, search.seed).trunk()])
                Trials(search, overrides, study, runner, parent).run()
                summary = results.summarise(search, study, trunk, experiment)
                for path in results.write(summary, study, out or session.folder / "results"):
                    parent.record(File(path, "study"))
        finally:
            study.close()
        Cache(cache_folder(experiment.tracking.folder)).prune(experiment.tracking.cache_gb * 1e9)
    return summary


def _key(search: Search, experiment: Experiment, digests: dict[str, str]) -> str:
    """Key of a study: everything that its trials depend on, without their number."""
    searched = search.model_dump(mode="json", exclude={"trials", "timeout", "storage", "experiment"})
    settings = experiment.model_dump(mode="json", exclude={"tracking", "runtime"})
    return Cache(Path()).entry("study", {"search": searched, "experiment": settings, "data": digests}).digest[:16]


def _parent(session: TrackingSession, search: Search, study: Study) -> LocalRun:
    """Run of the study, the same for all processes that work on it."""
    with study.exclusive():
        known = study.optuna.user_attrs.get("mlflow_run")
        if known is not None:
            return session.attach(search.name, f"study {search.name}", known)
        parent = session.run(search.name, f"study {search.name}", tags={**STUDY, **results.oracle_tag(search)})
        run_id = session.await_id(parent)
        if run_id is not None:
            study.optuna.set_user_attr("mlflow_run", run_id)
        return parent


def _describe(parent: LocalRun, search: Search, experiment: Experiment, study: Study, problems: Problems) -> None:
    parent.record(Params(flatten(experiment)))
    parent.record(Text(without_password(search.model_dump_json(indent=2)), "search.json"))
    parent.record(Text(dump_experiment(experiment), "experiment.yaml"))
    parent.record(Text("\n".join(problems.summary(examples=100)) or "none", "data_problems.txt"))
    study.optuna.set_user_attr("objective", search.objective)
    if search.oracle:
        study.optuna.set_user_attr("oracle", "chosen by looking at the test readers: no result")
