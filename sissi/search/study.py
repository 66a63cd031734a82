"""Study in Optuna's storage: creation or continuation, and trials, each of which only one process gets."""

from __future__ import annotations

import json
import logging
import warnings
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
from filelock import BaseFileLock
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.engine import URL

from sissi.errors import SissiError
from sissi.runtime.locks import file_lock
from sissi.runtime.redact import without_password
from sissi.search.file import Choices, Pruner, Range, Sampler, Search
from sissi.search.worker import Worker, has_ended

WORKER, GRID, AGAIN = "sissi.worker", "sissi.grid", "sissi.again_after"
"""Attributes of a trial: host and lock of its process, the mark of a point of the grid, and the number of the
interrupted trial that it repeats."""
ORPHAN_TIMEOUT = timedelta(minutes=1)
"""Time after which a running trial without the attribute of a process counts as interrupted."""


class Study:
    """Study in Optuna's storage.

    Attributes:
        search: settings of the study.
        optuna: Optuna's study.
        address: address of its storage without a password, for display.
        repeated: number of interrupted trials that are proposed again.
    """

    def __init__(self, search: Search, name: str, folder: Path) -> None:
        logging.getLogger("optuna").setLevel(logging.WARNING)
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        self.search = search
        address = search.storage or sqlite_address(folder)
        self.address = without_password(address)
        self._guard = file_lock(folder / "optuna.lock")
        with self.exclusive():  # Optuna creates its tables without a lock
            self.optuna = _opened(search, name, address)
            if search.sampler.name == "grid" and not self.optuna.trials:
                for point in search.grid:
                    self._propose({key: _written(search.space[key], value) for key, value in point.items()}, {GRID: 1})
            self.repeated = self._propose_interrupted_again()
            self._worker = Worker(folder / "workers")

    def exclusive(self) -> BaseFileLock:
        """Lock for steps that only one process on this machine may execute at a time."""
        return self._guard

    def ask(self) -> Trial | None:
        """Next trial, which no other process gets, or None if the number of the search file is reached."""
        with self.exclusive():  # with SQLite, two processes could take the same waiting trial
            trial = self.optuna.ask()
        off_grid = self.search.sampler.name == "grid" and GRID not in trial.user_attrs
        before = sum(
            other.number < trial.number and other.state != TrialState.FAIL for other in self.optuna.get_trials(False)
        )
        if off_grid or before >= self.search.trials:
            self.optuna.tell(trial, state=TrialState.FAIL)
            return None
        trial.set_user_attr(WORKER, self._worker.mark)
        return trial

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """Values of a trial by dotted key of the experiment."""
        return {key: _suggested(trial, key, values) for key, values in self.search.space.items()}

    def close(self) -> None:
        """Release the lock that marks this process as working on trials."""
        self._worker.close()

    def _propose(self, params: dict[str, Any], attributes: dict[str, Any]) -> None:
        self.optuna.enqueue_trial(params, user_attrs=attributes)

    def _propose_interrupted_again(self) -> int:
        """Mark trials of ended processes as failed, propose their values again, and return the number of trials."""
        interrupted = [trial for trial in self.optuna.get_trials(False, (TrialState.RUNNING,)) if _has_ended(trial)]
        for trial in interrupted:
            self.optuna.tell(trial.number, state=TrialState.FAIL)
            grid = {key: value for key, value in trial.user_attrs.items() if key == GRID}
            self._propose(trial.params or _fixed(trial), {**grid, AGAIN: trial.number})
        return len(interrupted)


def sqlite_address(folder: Path) -> str:
    """Address of the studies in a tracking folder; characters of its path that mean something there are escaped."""
    return URL.create("sqlite", database=str((folder / "optuna.db").resolve())).render_as_string()


def _opened(search: Search, name: str, address: str) -> optuna.Study:
    try:
        return optuna.create_study(
            storage=_storage(address),
            study_name=name,
            direction=search.direction,
            sampler=_sampler(search.sampler),
            pruner=_pruner(search.pruner),
            load_if_exists=True,
        )
    except Exception as error:  # errors of SQLAlchemy, of drivers or of gRPC
        text = str(error).partition("\n")[0]
        raise SissiError(
            without_password(
                f"storage {address}: cannot be used by Optuna ({type(error).__name__}: {text}); start the server, "
                "install its driver, or omit `storage` to use a file beside the MLflow store"
            )
        ) from None


def _storage(address: str) -> Any:
    """Optuna's storage at an address."""
    kind, _, rest = address.partition(":")
    if kind == "journal":
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        return JournalStorage(JournalFileBackend(rest))
    if kind == "grpc":
        from optuna.storages import GrpcStorageProxy

        host, _, port = rest.removeprefix("//").partition(":")
        return GrpcStorageProxy(host=host, port=int(port or 13000))
    return optuna.storages.RDBStorage(address)


def _sampler(settings: Sampler) -> optuna.samplers.BaseSampler:
    """Optuna's sampler. For a grid, `Study` proposes the points, so that no two processes take the same point."""
    if settings.name == "tpe":
        return optuna.samplers.TPESampler(seed=settings.seed)
    return optuna.samplers.RandomSampler(seed=settings.seed)


def _pruner(settings: Pruner) -> optuna.pruners.BasePruner:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if settings.name == "median":
            return optuna.pruners.MedianPruner(settings.startup_trials, settings.warmup_cycles)
        if settings.name == "successive_halving":
            return optuna.pruners.SuccessiveHalvingPruner()
        return optuna.pruners.HyperbandPruner() if settings.name == "hyperband" else optuna.pruners.NopPruner()


def _suggested(trial: Trial, key: str, values: Range | Choices) -> Any:
    if isinstance(values, Choices):
        return json.loads(trial.suggest_categorical(key, [json.dumps(choice) for choice in values.choices]))
    if values.whole:
        return trial.suggest_int(key, int(values.low), int(values.high), step=int(values.step or 1), log=values.log)
    return round(trial.suggest_float(key, values.low, values.high, step=values.step, log=values.log), 10)


def _written(values: Range | Choices, value: Any) -> Any:
    """Value in Optuna's form: choices as JSON, since its categories are plain values."""
    return json.dumps(value) if isinstance(values, Choices) else value


def _fixed(trial: FrozenTrial) -> dict[str, Any]:
    """Proposed values of a trial that was interrupted before it read them."""
    fixed: dict[str, Any] = trial.system_attrs.get("fixed_params", {})
    return fixed


def _has_ended(trial: FrozenTrial) -> bool:
    """Whether the process of a trial has ended; False if its state is unknown."""
    if WORKER not in trial.user_attrs:
        return trial.datetime_start is not None and datetime.now() - trial.datetime_start > ORPHAN_TIMEOUT
    host, path = trial.user_attrs[WORKER]
    return has_ended(host, path)
