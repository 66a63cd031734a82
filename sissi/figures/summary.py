"""Figure at the top of a report: the score of each row, and how good its labels became."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sissi.config.variants import VARIANTS, Variant
from sissi.figures.style import GREY, TEXT, lines_of, new_figure, plain

WIDTH = 11.6
"""In inches: the page at 100 px an inch."""
SPAN = 20.0
"""Smallest width of an axis of precision or recall, in %."""
Quality = tuple[float, float]
"""Precision and recall of labels, in [0, 1]."""


def summary(
    scores: Mapping[str, Sequence[float]],
    labels: Mapping[str, Quality],
    initial: Quality | None,
    known: Mapping[str, Variant] = VARIANTS,
) -> Figure:
    """A panel with the scores of each row, and, where labels are known, one with their precision and recall.

    Args:
        scores: AP in [0, 1] by row, one for each reader: the mean over seeds.
        labels: quality of the last labels by row.
        initial: quality of the initial labels; None: unknown.
        known: variants by name.
    """
    figure = new_figure(WIDTH, 1.3 + 0.3 * max(len(scores), 6))
    panels = figure.subplots(1, 1 + bool(labels), squeeze=False)[0]
    _scores(panels[0], scores, known)
    if labels:
        _labels(panels[1], labels, initial, known)
    return figure


def _scores(axes: Any, scores: Mapping[str, Sequence[float]], known: Mapping[str, Variant]) -> None:
    for place, (name, line) in enumerate(lines_of(scores).items()):
        values = 100 * np.array(scores[name])
        axes.plot([0, values.mean()], [-place, -place], color=line.colour, linewidth=6, alpha=0.35)
        axes.plot(values, np.full(len(values), -place), line.marker, color=line.colour, markersize=5)
        axes.text(values.max(), -place, f"   {values.mean():.1f}", va="center", fontsize=TEXT)
    plain(axes, "Score of each row: bars are means, marks are readers", "AP, %")
    axes.set_yticks([-place for place in range(len(scores))], [known[name].title for name in scores], fontsize=TEXT)
    axes.set_xlim(0, 115 * max(max(values) for values in scores.values()) or 1)


def _labels(axes: Any, labels: Mapping[str, Quality], initial: Quality | None, known: Mapping[str, Variant]) -> None:
    for name, line in lines_of(labels).items():
        precision, recall = labels[name]
        if initial is not None:
            axes.plot(
                [100 * initial[1], 100 * recall], [100 * initial[0], 100 * precision], line.dashes, color=line.colour
            )
        axes.plot(100 * recall, 100 * precision, line.marker, color=line.colour, markersize=7, label=known[name].title)
    if initial is not None:
        axes.plot(100 * initial[1], 100 * initial[0], "o", color=GREY, markersize=9, label="initial labels")
    axes.set(xlim=_wide_enough(axes.get_xlim()), ylim=_wide_enough(axes.get_ylim()))
    plain(axes, "Labels of the training images: from the initial to the last", "recall, %", "precision, %")
    axes.legend(fontsize=TEXT - 1, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)


def _wide_enough(limits: tuple[float, float]) -> tuple[float, float]:
    """Limits of an axis in %, at least `SPAN` apart, so that a change of a point looks small."""
    low, high = limits
    missing = max(0.0, SPAN - (high - low)) / 2
    return max(0.0, low - missing), min(102.0, high + missing)
