"""Figure of a study of the deceleration threshold: the start epoch of each threshold, and the score of each start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from sissi.figures.curves import curve_and_fit, relative_change
from sissi.figures.style import BLUE, GREY, TEXT, VERMILION, legend, new_figure, plain, whole_numbers
from sissi.method.deceleration import Fit

Trial = tuple[float, int, float | None]
"""Threshold, epoch after which correction started, and score, or None for a trial without a score."""


def threshold_study(
    curve: Sequence[float], fits: Sequence[Fit], trials: Sequence[Trial], best: Trial, objective: str, note: str = ""
) -> Figure:
    """Figure 7 with every threshold of a study at its start epoch, and below it the score of each start epoch.

    Args:
        curve: AP50 on the target training images against their initial labels, in [0, 1], of epochs 1, 2, ...
        fits: results of `deceleration.fits`.
        trials: trials of the study; several thresholds may give the same start epoch.
        best: trial whose start is marked.
        objective: name of the score.
        note: note above the figure, in a warning colour.
    """
    figure = new_figure(8.6, 6.2)
    axes: dict[str, Any] = figure.subplot_mosaic([["curve", "change"], ["score", "score"]])
    curve_and_fit(axes["curve"], curve, fits, best[1])
    relative_change(axes["change"], fits, best[1])
    axes["change"].plot(
        [start for _, start, _ in trials],
        [100 * threshold for threshold, _, _ in trials],
        "D",
        color=VERMILION,
        markersize=4,
        label="thresholds, at their start epochs",
    )
    legend(axes["change"])
    _scores(axes["score"], trials, best, objective)
    if note:
        figure.suptitle(note, color=VERMILION, fontsize=TEXT)
    return figure


def _scores(axes: Any, trials: Sequence[Trial], best: Trial, objective: str) -> None:
    scores = {start: score for _, start, score in trials if score is not None}
    starts = sorted(scores)
    axes.plot(starts, [scores[start] for start in starts], "o-", color=BLUE, markersize=4)
    axes.plot(best[1], best[2], "*", color=VERMILION, markersize=13, zorder=3, label=f"best: start after {best[1]}")
    for start in starts:
        thresholds = [threshold for threshold, epoch, _ in trials if epoch == start]
        ends = sorted({f"{min(thresholds):.2g}", f"{max(thresholds):.2g}"})
        axes.annotate(
            "–".join(ends), (start, scores[start]), (0, 7), textcoords="offset points", ha="center",
            fontsize=TEXT - 2, color=GREY, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
        )  # fmt: skip
    plain(axes, "Score of each start; in grey its thresholds", "correction starts after epoch", objective)
    axes.margins(y=0.15)
    legend(axes)
    whole_numbers(axes.xaxis)
