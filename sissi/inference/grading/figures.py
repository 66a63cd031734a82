"""Figures of wells: viability of each, and viability against dose."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sissi.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, TEXT, VERMILION, new_figure, plain
from sissi.inference.grading.iso import PASSED, Verdict
from sissi.inference.grading.units import Graded

COLOURS: dict[Verdict, str] = {"pass": BLUE, "borderline": ORANGE, "fail": VERMILION, "unknown": GREY}
MARKERS: dict[Verdict, str] = {"pass": "o", "borderline": "D", "fail": "s", "unknown": "x"}
CONTROLS = (GREEN, PURPLE, SKY, VERMILION)
VIABILITY = "viability, %"
APART = 0.04
"""Distance of wells of the same dose on the axis, in powers of ten."""


def wells_figure(graded: Sequence[Graded], limits: Sequence[float]) -> Figure:
    """Viability of wells with 95 % intervals, a line each, and the limit of the pass."""
    known = [one for one in graded if not math.isnan(one.viability.value)]
    figure = new_figure(6.5, 1.1 + 0.22 * max(len(known), 2))
    axes = figure.subplots()
    for verdict in dict.fromkeys(one.verdict for one in known):
        lines = [line for line, one in enumerate(known) if one.verdict == verdict]
        _points(axes, [known[line] for line in lines], lines, verdict, horizontal=True)
    axes.axvline(100 * (1 - limits[PASSED]), color=GREY, linestyle=":", label="limit of the pass")
    axes.set(xlim=(-3, 103), ylim=(len(known) - 0.5, -0.5), yticks=range(len(known)))
    plain(axes, x=VIABILITY)
    axes.set_yticks(range(len(known)), [one.unit.title for one in known], fontsize=TEXT)
    figure.legend(loc="outside upper right", ncols=4, fontsize=TEXT - 1, frameon=False)
    return figure


def dose_figure(series: Sequence[Graded], controls: Sequence[Graded], limits: Sequence[float]) -> Figure:
    """Viability against the logarithm of the dose, with controls as dashed lines.

    Args:
        series: wells with a dose, in one unit.
        controls: wells of controls.
        limits: largest fractions of affected cells of grades 0 to 3.
    """
    series = [one for one in series if not math.isnan(one.viability.value)]
    figure = new_figure(6.5, 4.4)
    axes = figure.subplots()
    doses = [float(one.unit.well.dose or 0) for one in series]
    steps = sorted(set(doses))
    places = _places(steps)
    beside = [doses[:index].count(dose) * APART for index, dose in enumerate(doses)]
    for verdict in dict.fromkeys(one.verdict for one in series):
        mine = [index for index, one in enumerate(series) if one.verdict == verdict]
        at = [places[doses[index]] + beside[index] for index in mine]
        _points(axes, [series[index] for index in mine], at, verdict, horizontal=False)
    values = np.array([one.viability.value for one in series])
    means = [100 * values[np.array(doses) == step].mean() for step in steps]
    axes.plot([places[step] for step in steps], means, color=GREY, linewidth=1, zorder=1, label="mean of the dose")
    controls = [one for one in controls if not math.isnan(one.viability.value)]
    names = dict.fromkeys(one.unit.well.control for one in controls)
    for colour, control in zip(itertools.cycle(CONTROLS), names, strict=False):
        mean = fmean(one.viability.value for one in controls if one.unit.well.control == control)
        axes.axhline(100 * mean, color=colour, linestyle="--", label=f"control: {control}")
    axes.axhline(100 * (1 - limits[PASSED]), color=GREY, linestyle=":", label="limit of the pass")
    unit = next((one.unit.well.unit for one in series), "")
    plain(axes, x=f"dose, {unit}" if unit else "dose", y=VIABILITY)
    axes.set_xticks([places[step] for step in steps], [f"{step:g}" for step in steps])
    axes.set_ylim(-3, 103)
    axes.margins(x=0.08)
    figure.legend(loc="outside upper left", ncols=4, fontsize=TEXT - 1, frameon=False)
    return figure


def _places(doses: Sequence[float]) -> dict[float, float]:
    """Place of each dose on the axis: its logarithm; the dose 0 a usual step left of the smallest one."""
    positive = [math.log10(dose) for dose in doses if dose > 0]
    step = (positive[-1] - positive[0]) / (len(positive) - 1) if len(positive) > 1 else 1.0
    return {dose: math.log10(dose) if dose > 0 else min(positive, default=0.0) - step for dose in doses}


def _points(
    axes: Any, graded: Sequence[Graded], places: Sequence[float], verdict: Verdict, *, horizontal: bool
) -> None:
    """Viabilities with their intervals, at places on the other axis."""
    values = np.array([one.viability.value for one in graded]) * 100
    low = values - np.array([one.viability.low for one in graded]) * 100
    high = np.array([one.viability.high for one in graded]) * 100 - values
    style = {"fmt": MARKERS[verdict], "color": COLOURS[verdict], "markersize": 4, "linewidth": 1, "label": verdict}
    if horizontal:
        axes.errorbar(values, places, xerr=(low, high), **style)
    else:
        axes.errorbar(places, values, yerr=(low, high), **style)
