"""Finished trials of a tuning in the database of all studies, where `make dashboard` shows them."""

from __future__ import annotations

from pathlib import Path

import optuna
from optuna.trial import FrozenTrial

from sissi.runtime.locks import file_lock
from sissi.search.study import sqlite_address


class StoredStudy:
    """Study in optuna.db to which finished trials are appended.

    The trials themselves run in memory. So a kill leaves no unfinished trial behind, and the database costs one
    transaction a trial instead of one for each parameter and each image.

    Attributes:
        address: address of the database.
    """

    def __init__(self, name: str, folder: Path) -> None:
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        self.address = sqlite_address(folder)
        with file_lock(folder / "optuna.lock"):  # Optuna creates its tables without a lock
            self._study = optuna.create_study(
                storage=self.address, study_name=name, direction="maximize", load_if_exists=True
            )
        self._known = len(self._study.get_trials(deepcopy=False))

    def add(self, trial: FrozenTrial) -> None:
        """Append a trial, unless an earlier command has appended it."""
        if trial.number >= self._known:
            self._study.add_trial(trial)
            self._known += 1
