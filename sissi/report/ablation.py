"""An ablation for notebooks and scripts: run or read, with its results as data frames and figures."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from types import ModuleType

import pandas as pd
from rich.console import Console

from sissi.ablation import run as ablation_run
from sissi.config import Experiment
from sissi.config.load import load_experiment
from sissi.data.label_table import label_table
from sissi.evaluation.headroom import records
from sissi.report.document import Document, Picture
from sissi.report.html import as_png
from sissi.report.report_data import gather
from sissi.report.write import describe, write_report
from sissi.results import stored_ablation, table_1
from sissi.results.row_labels import row_labels
from sissi.results.scores import Row
from sissi.results.stored_ablation import LATEST, StoredAblation
from sissi.runtime.engines import local
from sissi.runtime.progress import Display
from sissi.tracking import open_existing_store


@dataclass(frozen=True)
class ReportFigure:
    """A figure of the report, which a notebook shows.

    Attributes:
        picture: its name, its matplotlib figure and its caption.
    """

    picture: Picture

    @property
    def caption(self) -> str:
        """What it shows."""
        return self.picture.caption

    def _repr_png_(self) -> bytes:
        return as_png(self.picture)[0]


@dataclass(frozen=True)
class Ablation:
    """An ablation in a store; a notebook shows its table 1.

    Attributes:
        record: its runs.
        folder: tracking folder.
    """

    record: StoredAblation
    folder: Path

    @property
    def run(self) -> str:
        """Id of its run in MLflow."""
        return self.record.run.id

    @property
    def experiment(self) -> Experiment:
        """All settings."""
        return self.record.experiment

    @property
    def gaps(self) -> list[str]:
        """One sentence for each part of the experiment without a result."""
        return self.record.gaps()

    @property
    def table(self) -> pd.DataFrame:
        """Table 1: a row for each variant, seed and reader, with scores in [0, 1]."""
        rows = [asdict(row) for row in self.record.rows]
        return pd.DataFrame(rows, columns=[field.name for field in fields(Row)])

    @property
    def headroom(self) -> pd.DataFrame:
        """Shares of the headroom with their intervals, see docs/results.md; empty without the oracle."""
        return pd.DataFrame(records(self.record.shares))

    def labels(self, variant: str | None = None, seed: int | None = None, epoch: int | None = None) -> pd.DataFrame:
        """Labels of the target training images, by default those that the paper's whole method ended with.

        Args:
            variant: row of the ablation.
            seed: seed of the row; default: the first.
            epoch: epoch that was trained on the labels, 0 for the initial ones; default: the last.

        Returns:
            As `sissi.read_labels`.

        Raises:
            SissiError: there are no such labels.
        """
        found = row_labels(self.record, variant, seed, epoch)
        return label_table({sample.name: sample.boxes for sample in found.samples}, found.classes)

    @cached_property
    def figures(self) -> dict[str, ReportFigure]:
        """The figures of the report by name; drawn when they are first asked for, which takes seconds."""
        return {picture.name: ReportFigure(picture) for picture in self._document.pictures()}

    def report(self, out: str | Path = "report") -> Path:
        """Write the report to a folder, as `sissi report`; its page is returned."""
        return write_report(self.run, Path(out), self.folder)

    @cached_property
    def _document(self) -> Document:
        return describe(gather(self.record, self.folder))

    def _repr_markdown_(self) -> str:
        return table_1.as_markdown(self.record.rows, self.record.known)


def run_ablation(
    experiment: Experiment | str | Path,
    overrides: Sequence[str] = (),
    *,
    fresh: bool = False,
    progress: bool = False,
) -> Ablation:
    """Run every variant for every seed of an experiment, as `sissi ablation`, and record everything in MLflow.

    What is equal to an earlier run comes from the cache. A script needs no `if __name__ == "__main__"` around the call.
    Problems of the data, and rows that have failed, are warnings.

    Args:
        experiment: settings of `load_experiment`, an experiment file, or the name of a shipped one.
        overrides: of a file, as `training.epochs=12`.
        fresh: whether to train everything from scratch.
        progress: whether to show progress.

    Raises:
        SissiError: unusable settings, data or store.
    """
    settings = experiment if isinstance(experiment, Experiment) else load_experiment(experiment, overrides)
    with _anonymous_main():
        if settings.runtime.engine == "local":
            local.warm_up()
        display = _Warnings(Console(quiet=not progress))
        try:
            with display:
                results = ablation_run.run_ablation(settings, display, fresh=fresh)
        finally:
            for text in display.warned:
                warnings.warn(text, stacklevel=2)
    if results.logged is None:
        raise RuntimeError("an ablation that is not offline has runs")
    found = read_ablation(results.logged.ablation, settings.tracking.folder)
    for gap in found.gaps:
        warnings.warn(gap, stacklevel=2)
    return found


def read_ablation(run: str = LATEST, tracking: str | Path = "mlruns") -> Ablation:
    """Read an ablation, also an unfinished one.

    Args:
        run: id of its run, or latest.
        tracking: tracking folder with the MLflow store.

    Raises:
        TrackingError: there is no such ablation.
    """
    return Ablation(stored_ablation.read_ablation(open_existing_store(Path(tracking)), run), Path(tracking))


class _Warnings(Display):
    """Progress on a console, and what the user may want to correct collected, for warnings of Python."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.warned: list[str] = []

    def warn(self, text: str) -> None:
        self.warned.append(text)


@contextmanager
def _anonymous_main() -> Iterator[None]:
    """Let new processes not run the caller's script again, as they do to find functions in it: jobs need none."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
