"""What a tuning tells and writes: a table, sentences, a file of settings, and plots of the study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path

import optuna
import yaml
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from sissi.config import WeakLabels
from sissi.runtime.csv_records import to_csv
from sissi.runtime.files import write_whole
from sissi.runtime.tables import Cell, Table
from sissi.search.plots import optuna_figures
from sissi.search.tuning.space import PIPELINE
from sissi.search.tuning.validation import HeldOut

DOUBLINGS, FACTORS = (0.25, 0.5, 1, 2, 4), (0.33, 0.5, 0.6, 0.75, 1, 1.33, 1.6, 2, 3)
"""Ticks of the plots of factors, over a wide range and a narrow one."""
WIDE = 2.5
"""Ratio of the ends of a wide range."""


@dataclass(frozen=True)
class Way:
    """Way to settings.

    Attributes:
        held_out: their quality on images that they were not fitted to.
        settings: settings that this way gives for all corrected images.
    """

    held_out: HeldOut
    settings: WeakLabels


@dataclass(frozen=True)
class Tuning:
    """Result of a tuning.

    Attributes:
        ways: untuned settings, and the tuned ones at the end.
        cell_size: size of a cell, as given or the median longer side of the true boxes, in px.
        study: trials on all corrected images.
        address: address of the studies.
    """

    ways: tuple[Way, ...]
    cell_size: float
    study: optuna.Study
    address: str

    @property
    def best(self) -> Way:
        """Way with the best held-out F1: the tuned settings only if no untuned ones are as good."""
        return max(self.ways, key=lambda way: way.held_out.all.f1)


def table(result: Tuning) -> Table:
    """A row for each way to settings: F1, precision and recall on images that they were not fitted to."""
    rows = []
    for way in result.ways:
        one = way.held_out
        shares = (one.all.f1, one.error, one.all.precision, one.all.recall)
        rows.append([Cell(one.name, one.name, bold=way is result.best), *map(_share, shares)])
    images = len(result.best.held_out.counts)
    caption = f"Each of {images} corrected images, labelled by settings that were fitted to others."
    return Table("tuning", caption, ["settings", "F1", "standard error", "precision", "recall"], rows)


def sentence(result: Tuning) -> str:
    """What is written, and how good it is."""
    way = result.best
    f1 = f"F1 {way.held_out.all.f1:.3f} ± {way.held_out.error:.3f} on images held out"
    if way is result.ways[-1]:
        return f"The tuned settings are written (pipeline {way.settings.pipeline}): {f1}."
    return f"Tuning does not beat untuned settings here; these are written ({way.held_out.name}): {f1}."


def write_settings(result: Tuning, file: Path) -> None:
    """Write the settings as YAML for `sissi weak-labels --settings`, and for `weak_labels` of an experiment."""
    way = result.best
    lines = [
        f"sissi tune: {len(way.held_out.counts)} corrected images, {way.held_out.all.cells} cells of "
        f"{result.cell_size:g} px.",
        "F1 at IoU 0.5 on corrected images that were held out, with its standard error:",
        *(f"  {one.held_out.name}: {one.held_out.all.f1:.3f} ± {one.held_out.error:.3f}" for one in result.ways),
        f"Below: {way.held_out.name}.",
    ]
    content = yaml.safe_dump(way.settings.model_dump(mode="json", exclude_unset=True), sort_keys=False)
    write_whole(file, ("".join(f"# {line}\n" for line in lines) + content).encode())


def write_plots(result: Tuning, folder: Path) -> list[Path]:
    """Write trials.csv and Optuna's plots of the trials of the best trial's pipeline; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "trials.csv"]
    write_whole(written[0], _trials_csv(result.study.get_trials(deepcopy=False)).encode())
    of_best = _of_best_pipeline(result.study)
    keys = [key for key in result.study.best_params if key != PIPELINE]
    for name, figure in optuna_figures(of_best, keys).items():
        written.append(folder / f"{name}.png")
        _label_factors(figure)
        figure.savefig(written[-1], dpi=150, bbox_inches="tight", metadata={"Software": None})
    return written


def _label_factors(figure: Figure) -> None:
    """Plain numbers on the logarithmic axes, instead of powers of ten."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                low, high = axis.get_view_interval()
                ticks = [tick for tick in (DOUBLINGS if high > WIDE * low else FACTORS) if low <= tick <= high]
                axis.set_major_locator(FixedLocator(ticks))
                axis.set_major_formatter("{x:g}")
                axis.set_minor_locator(NullLocator())
        axes.tick_params(axis="x", labelrotation=0)


def _of_best_pipeline(study: optuna.Study) -> optuna.Study:
    """Study of the trials of one pipeline, without the choice of the pipeline: all have the same parameters."""
    chosen = optuna.create_study(direction="maximize")
    for trial in study.get_trials(deepcopy=False):
        if trial.params[PIPELINE] == study.best_params[PIPELINE]:
            params = {key: value for key, value in trial.params.items() if key != PIPELINE}
            chosen.add_trial(
                optuna.trial.create_trial(
                    state=trial.state,
                    value=trial.value,
                    params=params,
                    distributions={key: trial.distributions[key] for key in params},
                    intermediate_values=trial.intermediate_values,
                )
            )
    return chosen


def _trials_csv(trials: Sequence[optuna.trial.FrozenTrial]) -> str:
    keys = list(dict.fromkeys(key for trial in trials for key in trial.params))
    rows = ({"trial": one.number, "state": one.state.name.lower(), "F1": one.value} | one.params for one in trials)
    return to_csv(rows, ["trial", "state", "F1", *keys])


def _share(value: float) -> Cell:
    return Cell("-", None) if isnan(value) else Cell(f"{value:.3f}", value)
