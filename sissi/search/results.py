"""Results of a study: a table of its trials, the best trial, and plots."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from optuna.trial import FrozenTrial

from sissi.config import Experiment
from sissi.errors import SissiError
from sissi.figures import threshold_study
from sissi.method.deceleration import Fit, adele_start
from sissi.method.trunk import Trunk
from sissi.runtime import tables
from sissi.runtime.csv_records import to_csv
from sissi.runtime.files import write_whole
from sissi.runtime.tables import Cell, Table
from sissi.search.file import Search
from sissi.search.plots import optuna_figures
from sissi.search.study import Study

ORACLE = "chosen by looking at the test readers: what could be reached, no result"


@dataclass(frozen=True)
class Line:
    """Trial as a line of the table.

    Attributes:
        number: number in the study.
        state: complete, pruned or fail.
        values: values by dotted key.
        start: epoch at which correction started, or None.
        reason: reason of the start epoch.
        objective: value of the objective, or None.
        shared: whether an earlier trial had trained the same branch.
    """

    number: int
    state: str
    values: dict[str, Any]
    start: int | None
    reason: str
    objective: float | None
    shared: bool


@dataclass(frozen=True)
class Summary:
    """Results of a study.

    Attributes:
        search: settings of the study.
        lines: trials in order, without interrupted ones.
        best: line with the best objective.
        curve: AP50 of the trunk against the weak labels for each epoch.
        fits: fits of ADELE to the curve.
        address: address of Optuna's storage.
    """

    search: Search
    lines: tuple[Line, ...]
    best: Line
    curve: tuple[float, ...]
    fits: tuple[Fit, ...]
    address: str


def summarise(search: Search, study: Study, trunk: Trunk, experiment: Experiment) -> Summary:
    """Summarise the trials so far.

    Raises:
        SissiError: no trial has finished.
    """
    lines = tuple(_line(search, trial) for trial in study.optuna.get_trials(False) if trial.state.is_finished())
    lines = tuple(line for line in lines if line.state != "fail" or line.start is not None)
    complete = [line for line in lines if line.state == "complete" and line.objective is not None]
    if not complete:
        raise SissiError(f"study {search.name}: no trial has finished; see the messages above")
    choose: Callable[..., Line] = max if search.direction == "maximize" else min
    best = choose(complete, key=lambda line: line.objective)
    fits = adele_start(trunk.ap50, experiment.deceleration).fits
    return Summary(search, lines, best, trunk.ap50, fits, study.address)


def write(summary: Summary, study: Study, folder: Path) -> list[Path]:
    """Write trials.csv, trials.md and the plots to a folder, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "trials.csv", folder / "trials.md"]
    write_whole(written[0], as_csv(summary).encode())
    write_whole(written[1], as_markdown(summary).encode())
    for name, figure in figures(summary, study).items():
        written.append(folder / f"{name}.png")
        figure.savefig(written[-1], dpi=150, bbox_inches="tight", metadata={"Software": None})
    return written


def as_csv(summary: Summary) -> str:
    """Trials as CSV with one row per trial, at full precision."""
    keys = list(summary.search.space)
    header = ["trial", "state", *keys, "start_epoch", "objective", "shared", "reason"]
    rows = (
        [line.number, line.state, *(_plain(line.values.get(key)) for key in keys), line.start, line.objective,
         line.shared, line.reason]
        for line in summary.lines
    )  # fmt: skip
    return to_csv((dict(zip(header, row, strict=True)) for row in rows), header)


def as_markdown(summary: Summary) -> str:
    """Sentence about the best trial, and table of all trials, as Markdown."""
    keys = list(summary.search.space)
    rows = [
        [str(line.number), *(_plain(line.values.get(key)) for key in keys), _start(line), _value(line)]
        for line in summary.lines
    ]
    table = Table(
        "trials",
        sentence(summary),
        ["trial", *keys, "start epoch", summary.search.objective],
        [[Cell(text, None) for text in row] for row in rows],
    )
    oracle = [f"**Oracle study: {ORACLE}.**"] if summary.search.oracle else []
    parts = [f"# Study {summary.search.name}", table.caption, *oracle, tables.as_markdown(table)]
    return "\n\n".join(parts) + "\n"


def sentence(summary: Summary) -> str:
    """Sentences about the best trial and the range of scores."""
    best = summary.best
    values = ", ".join(f"{key} = {_plain(value)}" for key, value in best.values.items())
    starts = {line.start for line in summary.lines if line.start is not None}
    scores = [line.objective for line in summary.lines if line.state == "complete" and line.objective is not None]
    return (
        f"Best of {len(summary.lines)} trials: {values}, with {summary.search.objective} {best.objective:.4f} "
        f"(correction starts after epoch {best.start}). The finished trials have values from {min(scores):.4f} to "
        f"{max(scores):.4f}, with {len(starts)} distinct start epochs. With one seed, small differences mean little."
    )


def figures(summary: Summary, study: Study) -> dict[str, Figure]:
    """Optuna's plots, and for a search of only the deceleration threshold the figure of the start epochs."""
    keys = list(summary.search.space)
    drawn = optuna_figures(study.optuna, keys)
    return drawn | {"threshold": threshold_figure(summary)} if keys == ["deceleration.threshold"] else drawn


def threshold_figure(summary: Summary) -> Figure:
    """Figure of the start epoch of each threshold on the trunk's curve (figure 7), and of the score of each start."""
    known = [line for line in summary.lines if line.start is not None]
    return threshold_study(
        summary.curve,
        summary.fits,
        [_trial(line) for line in known],
        _trial(summary.best),
        summary.search.objective,
        f"ORACLE: {ORACLE}" if summary.search.oracle else "",
    )


def _trial(line: Line) -> tuple[float, int, float | None]:
    score = line.objective if line.state == "complete" else None
    return line.values["deceleration.threshold"], line.start or 0, score


def oracle_tag(search: Search) -> dict[str, str]:
    """Tag of a study that uses the readers."""
    return {"sissi.oracle": ORACLE} if search.oracle else {}


def _line(search: Search, trial: FrozenTrial) -> Line:
    values = {key: json.loads(value) if isinstance(value, str) else value for key, value in trial.params.items()}
    known = trial.user_attrs
    return Line(
        trial.number,
        trial.state.name.lower(),
        {key: values[key] for key in search.space if key in values},
        known.get("start"),
        known.get("reason", ""),
        trial.value if trial.value is not None else None,
        bool(known.get("shared")),
    )


def _plain(value: Any) -> str:
    return "-" if value is None else value if isinstance(value, str) else json.dumps(value)


def _start(line: Line) -> str:
    return "-" if line.start is None else str(line.start)


def _value(line: Line) -> str:
    if line.objective is None:
        return line.state
    return f"{line.objective:.4f}{' (pruned)' if line.state == 'pruned' else ''}"
