"""Curves over epochs: figure 7 of the paper, and the quality of pseudo labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sissi.config.variants import VARIANTS, Variant
from sissi.figures.style import BLUE, GREY, TEXT, VERMILION, Line, legend, lines_of, new_figure, plain, whole_numbers
from sissi.method.deceleration import Fit, value

Curve = Sequence[tuple[int, float]]
"""Epoch and value of each point, in the order of epochs."""


def deceleration_curve(
    curve: Sequence[float], fits: Sequence[Fit], start: int | None, threshold: float, grid: Sequence[float] = ()
) -> Figure:
    """Figure 7: the AP50 curve with its fit and the start point, and the relative change with the threshold.

    Args:
        curve: AP50 on the target training images against their initial labels, in [0, 1], of epochs 1, 2, ...
        fits: results of `deceleration.fits`.
        start: epoch at which ADELE starts the correction; None if it selected none.
        threshold: threshold of the relative change.
        grid: other thresholds, whose start points are marked too.
    """
    figure = new_figure(8.6, 3.3)
    left, right = figure.subplots(1, 2, sharex=True)
    curve_and_fit(left, curve, fits, start)
    relative_change(right, fits, start)
    _thresholds(right, fits, threshold, grid)
    return figure


def curve_and_fit(axes: Any, curve: Sequence[float], fits: Sequence[Fit], start: int | None) -> None:
    """Draw the measured curve, the fit up to the start point, and the start point."""
    epochs = np.arange(1, len(curve) + 1)
    axes.plot(epochs, np.multiply(curve, 100), "o", color=BLUE, markersize=4, label="AP50, measured")
    shown = next((fit for fit in fits if fit.epoch == start), fits[-1] if fits else None)
    if shown is not None:
        times = np.linspace(0, len(curve), 200)
        fitted = 100 * value(times, shown.a, shown.b, shown.c)
        axes.plot(times, fitted, color=GREY, label=f"fit to epochs 1 to {shown.epoch}")
        if start is not None:
            level = 100 * value(start, shown.a, shown.b, shown.c)
            axes.plot(
                start,
                level,
                "*",
                color=VERMILION,
                markersize=13,
                zorder=3,
                label=f"correction starts after epoch {start}",
            )
    plain(axes, "Early learning", "epoch", "AP50 against the weak labels, %")
    axes.set_ylim(bottom=0)
    legend(axes)
    whole_numbers(axes.xaxis)


def relative_change(axes: Any, fits: Sequence[Fit], start: int | None) -> None:
    """Draw the relative change of the fitted slope at each epoch, and the start point."""
    epochs, changes = [fit.epoch for fit in fits], [100 * fit.relative_change for fit in fits]
    axes.plot(epochs, changes, "o-", color=BLUE, markersize=4, label="|f′(1) − f′(t)| / |f′(1)|")
    if start is not None:
        axes.axvline(start, color=VERMILION, linewidth=0.8, alpha=0.6)
    plain(axes, "Its deceleration", "epoch", "relative change of the slope, %")
    axes.set_ylim(0, 105)
    whole_numbers(axes.xaxis)


def _thresholds(axes: Any, fits: Sequence[Fit], threshold: float, grid: Sequence[float]) -> None:
    axes.axhline(100 * threshold, color=VERMILION, linestyle="--", label=f"threshold {threshold:.0%}")
    starts = {other: next((fit.epoch for fit in fits if fit.relative_change > other), None) for other in grid}
    for other, first in starts.items():
        if first is not None:
            axes.plot(first, 100 * other, "D", color=GREY, markersize=5)
            axes.annotate(
                f"{other:.0%}", (first, 100 * other), (6, -8), textcoords="offset points", fontsize=TEXT - 2, color=GREY
            )
    if any(starts.values()):
        axes.plot([], [], "D", color=GREY, markersize=5, label="other thresholds would start here")
    legend(axes)


def label_quality(
    precision: Mapping[str, Sequence[Curve]],
    recall: Mapping[str, Sequence[Curve]],
    initial: tuple[float, float] | None,
    known: Mapping[str, Variant] = VARIANTS,
) -> Figure:
    """Precision and recall of the pseudo labels over the epochs, one line per variant.

    With several seeds, the line is their mean at the epochs that all of them have, and each seed has a faint line.

    Args:
        precision, recall: curves of each variant, one per seed, in [0, 1].
        initial: precision and recall of the initial labels, drawn as horizontal lines.
        known: variants by name.
    """
    figure = new_figure(8.6, 3.6)
    for axes, title, curves, level in zip(
        figure.subplots(1, 2), ("Precision", "Recall"), (precision, recall), initial or (None, None), strict=True
    ):
        lines = lines_of(curves)
        for variant, of_seeds in curves.items():
            _variant_lines(axes, known[variant].title, lines[variant], of_seeds)
        if level is not None:
            axes.axhline(100 * level, color=GREY, linestyle=":", label="initial labels")
        plain(axes, title, "epoch", "%")
        whole_numbers(axes.xaxis)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, fontsize=TEXT, frameon=False)
    return figure


def _variant_lines(axes: Any, title: str, line: Line, of_seeds: Sequence[Curve]) -> None:
    if len(of_seeds) > 1:
        for curve in of_seeds:
            axes.plot(*_in_percent(curve), color=line.colour, linewidth=0.7, alpha=0.35)
    axes.plot(
        *_in_percent(_mean(of_seeds)),
        color=line.colour,
        linestyle=line.dashes,
        marker=line.marker,
        markersize=3.5,
        linewidth=1.3,
        label=title,
    )


def _mean(of_seeds: Sequence[Curve]) -> Curve:
    """Mean over the seeds, at the epochs that all of them have."""
    seeds = [dict(curve) for curve in of_seeds]
    shared = sorted(set.intersection(*map(set, seeds)))
    return [(epoch, sum(seed[epoch] for seed in seeds) / len(seeds)) for epoch in shared]


def _in_percent(curve: Curve) -> tuple[list[int], list[float]]:
    return [epoch for epoch, _ in curve], [100 * fraction for _, fraction in curve]
