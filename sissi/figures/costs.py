"""Figure of the costs of each stage of an ablation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from sissi.figures.style import BLUE, TEXT, new_figure, plain


def costs(stages: Sequence[str], columns: Mapping[str, Sequence[float]]) -> Figure:
    """Bars for each stage, with one panel per cost.

    Args:
        stages: names of the stages in the order of execution.
        columns: values for each stage, NaN if unknown, by the name of the cost with its unit.
    """
    figure = new_figure(8.6, 0.9 + 0.26 * len(stages))
    panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    for axes, (name, values) in zip(panels, columns.items(), strict=True):
        bars = axes.barh(range(len(stages)), values, color=BLUE, height=0.65)
        axes.bar_label(bars, fmt="%.0f", fontsize=TEXT - 1, padding=2)
        axes.margins(x=0.18)
        plain(axes, name)
        axes.grid(visible=False)
    panels[0].set_yticks(range(len(stages)), stages, fontsize=TEXT)
    panels[0].invert_yaxis()
    return figure
