"""The data of an experiment, loaded, checked as far as it costs nothing, and what is odd about them told."""

from __future__ import annotations

from collections.abc import Callable

from sissi.config import Experiment
from sissi.data.checks.check import check_cheaply
from sissi.data.experiment_data import DataSets, load_data
from sissi.data.problems import Problems


def load_checked(experiment: Experiment, tell: Callable[[str], None]) -> tuple[DataSets, Problems]:
    """The data of an experiment, and what is odd about them, which the user is told as well.

    Raises:
        DataError: they cannot be used.
    """
    problems = Problems()
    data = load_data(experiment, problems)
    check_cheaply(experiment, data, problems)
    for line in problems.summary():
        tell(line)
    return data, problems
