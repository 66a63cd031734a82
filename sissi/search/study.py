"""A study in Optuna's storage: made or gone on with, its trials proposed, each once, also by several processes."""

from __future__ import annotations

import json
import logging
import os
import socket
import warnings
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
from filelock import BaseFileLock, FileLock, Timeout
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.engine import URL

from sissi.errors import SissiError
from sissi.runtime.redact import without_password
from sissi.search.file import Choices, Pruner, Range, Sampler, Search

WORKER, GRID, AGAIN = "sissi.worker", "sissi.grid", "sissi.again_after"
"""Attributes of a trial: host and lock of the process that works on it; that it is a point of the grid; the number of
the interrupted trial that it repeats."""
ORPHAN_TIMEOUT = timedelta(minutes=1)
"""A trial that nobody has put a name to for this long was interrupted in its first moment."""


class Study:
    """Asks for trials and tells what became of them.

    Attributes:
        optuna: Optuna's own study.
        address: of its storage, to be shown: without a password.
    """

    def __init__(self, search: Search, name: str, folder: Path) -> None:
        logging.getLogger("optuna").setLevel(logging.WARNING)
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        self.search = search
        address = search.storage or _sqlite((folder / "optuna.db").resolve())
        self.address = without_password(address)
        self._guard = FileLock(folder / "optuna.lock")
        with self.alone():  # Optuna creates its tables without a lock
            self.optuna = _opened(search, name, address)
            if search.sampler.name == "grid" and not self.optuna.trials:
                for point in search.grid:
                    self._propose({key: _written(search.space[key], value) for key, value in point.items()}, {GRID: 1})
            self.again = self._propose_interrupted_again()
            self._lock = _own_lock(folder / "workers")

    def alone(self) -> BaseFileLock:
        """A lock for what only one process on this machine may do at a time."""
        return self._guard

    def ask(self) -> Trial | None:
        """The next trial, or None when there are as many as the file asks for; no two processes get the same."""
        with self.alone():  # SQLite would let two of them take one waiting trial at the same moment
            trial = self.optuna.ask()
        off_grid = self.search.sampler.name == "grid" and GRID not in trial.user_attrs
        before = sum(
            one.number < trial.number and one.state != TrialState.FAIL for one in self.optuna.get_trials(False)
        )
        if off_grid or before >= self.search.trials:
            self.optuna.tell(trial, state=TrialState.FAIL)
            return None
        trial.set_user_attr(WORKER, [socket.gethostname(), str(self._lock.lock_file)])
        return trial

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """The values of a trial, by dotted key of the experiment."""
        return {key: _suggested(trial, key, values) for key, values in self.search.space.items()}

    def close(self) -> None:
        """This process works on no trial any more."""
        path = Path(self._lock.lock_file)
        self._lock.release()
        path.unlink(missing_ok=True)

    def _propose(self, params: dict[str, Any], attributes: dict[str, Any]) -> None:
        self.optuna.enqueue_trial(params, user_attrs=attributes)

    def _propose_interrupted_again(self) -> int:
        """Trials whose process is gone have failed; they are proposed once more, with the same values."""
        gone = [trial for trial in self.optuna.get_trials(False, (TrialState.RUNNING,)) if _is_gone(trial)]
        for trial in gone:
            self.optuna.tell(trial.number, state=TrialState.FAIL)
            kept = {key: value for key, value in trial.user_attrs.items() if key == GRID}
            self._propose(trial.params or _fixed(trial), {**kept, AGAIN: trial.number})
        return len(gone)


def _sqlite(database: Path) -> str:
    """Address of a database file; every character of the path that means something in an address is escaped."""
    return URL.create("sqlite", database=str(database)).render_as_string()


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
    except Exception as error:  # of SQLAlchemy, of drivers, of gRPC: each has its own
        text = str(error).partition("\n")[0]
        raise SissiError(
            without_password(
                f"storage {address}: cannot be used by Optuna ({type(error).__name__}: {text}); start it, install its "
                "driver, or leave `storage` out for a file beside the MLflow store"
            )
        ) from None


def _storage(address: str) -> Any:
    """Optuna's storage behind an address."""
    kind, _, place = address.partition(":")
    if kind == "journal":
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        return JournalStorage(JournalFileBackend(place))
    if kind == "grpc":
        from optuna.storages import GrpcStorageProxy

        host, _, port = place.removeprefix("//").partition(":")
        return GrpcStorageProxy(host=host, port=int(port or 13000))
    return optuna.storages.RDBStorage(address)


def _sampler(settings: Sampler) -> optuna.samplers.BaseSampler:
    """A grid is proposed point by point, see `Study`, so that no two processes take the same."""
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
    """A value as Optuna keeps it: lists and the like as JSON, since its categories are plain."""
    return json.dumps(value) if isinstance(values, Choices) else value


def _fixed(trial: FrozenTrial) -> dict[str, Any]:
    """The values that a trial was proposed with, where it has not come to take them."""
    fixed: dict[str, Any] = trial.system_attrs.get("fixed_params", {})
    return fixed


def _is_gone(trial: FrozenTrial) -> bool:
    """Whether the process that worked on a trial is dead; of another machine's nobody here can tell."""
    if WORKER not in trial.user_attrs:
        return trial.datetime_start is not None and datetime.now() - trial.datetime_start > ORPHAN_TIMEOUT
    host, path = trial.user_attrs[WORKER]
    if host != socket.gethostname():
        return False
    try:
        with FileLock(path, timeout=0):
            return True
    except Timeout:
        return False


def _own_lock(folder: Path) -> BaseFileLock:
    """A lock that this process holds as long as it lives."""
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / f"{os.getpid()}-{os.urandom(4).hex()}.lock")
    lock.acquire()
    return lock
