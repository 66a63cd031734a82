"""Optuna's plots of a study, in a readable size."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import optuna
from matplotlib.figure import Figure

COLUMN = 3.6
"""Width of a column of the slice plot, in inches."""


def optuna_figures(study: optuna.Study, keys: Sequence[str]) -> dict[str, Figure]:
    """History and slices, and for several keys their importances and the contour of the two most important keys.

    A plot that needs more trials is left out.

    Args:
        study: study with some trials.
        keys: dotted keys that it searches.
    """
    plots = optuna.visualization.matplotlib
    drawn = {"history": _drawn(plots.plot_optimization_history, study), "slice": _drawn(plots.plot_slice, study)}
    if drawn["slice"] is not None:
        drawn["slice"].set_size_inches(COLUMN * len(keys) + 1, 4.5)
    if len(keys) > 1:
        drawn["importances"] = _drawn(plots.plot_param_importances, study)
        drawn["contour"] = _drawn(lambda study: plots.plot_contour(study, params=_most_important(study)), study)
    return {name: _readable(figure) for name, figure in drawn.items() if figure is not None}


def _most_important(study: optuna.Study) -> list[str]:
    return list(optuna.importance.get_param_importances(study))[:2]


def _drawn(make: Callable[..., Any], study: optuna.Study) -> Figure | None:
    """Plot by a function of Optuna; None if it needs more trials."""
    import matplotlib

    matplotlib.use("Agg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            axes = make(study)
        except (ValueError, RuntimeError):
            return None
    first = axes if hasattr(axes, "figure") else axes.flat[0]
    figure: Figure = first.figure
    return figure


def _readable(figure: Figure) -> Figure:
    """Figure with slanted labels for long names of choices, so that they do not overlap."""
    for axes in figure.axes:
        if any(len(label.get_text()) > 8 for label in axes.get_xticklabels()):
            for label in axes.get_xticklabels():
                label.set(rotation=20, horizontalalignment="right", rotation_mode="anchor")
    return figure
