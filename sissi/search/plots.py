"""Optuna's own plots of a study, in a size at which they can be read."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import optuna
from matplotlib.figure import Figure

COLUMN = 3.6
"""Width of a column of the slice plot, in inches."""


def optuna_figures(study: optuna.Study, keys: Sequence[str]) -> dict[str, Figure]:
    """History and slices; with several keys their importances, and the contour of the two that matter most.

    A plot for which there are too few trials yet is left out.

    Args:
        study: with some trials.
        keys: that it searches.
    """
    plots = optuna.visualization.matplotlib
    drawn = {"history": _drawn(plots.plot_optimization_history, study), "slice": _drawn(plots.plot_slice, study)}
    if drawn["slice"] is not None:
        drawn["slice"].set_size_inches(COLUMN * len(keys) + 1, 4.5)
    if len(keys) > 1:
        drawn["importances"] = _drawn(plots.plot_param_importances, study)
        drawn["contour"] = _drawn(lambda one: plots.plot_contour(one, params=_two_that_matter(one)), study)
    return {name: _readable(figure) for name, figure in drawn.items() if figure is not None}


def _two_that_matter(study: optuna.Study) -> list[str]:
    return list(optuna.importance.get_param_importances(study))[:2]


def _drawn(make: Callable[..., Any], study: optuna.Study) -> Figure | None:
    """One of Optuna's plots; None where it needs more trials than there are."""
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
    """Long names of choices are slanted, so that they don't cover each other."""
    for axes in figure.axes:
        if any(len(label.get_text()) > 8 for label in axes.get_xticklabels()):
            for label in axes.get_xticklabels():
                label.set(rotation=20, horizontalalignment="right", rotation_mode="anchor")
    return figure
