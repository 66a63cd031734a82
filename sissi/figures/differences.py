"""Figure of differences to a variant with their intervals, one panel per reader."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from sissi.config.variants import VARIANTS, Variant
from sissi.evaluation.bootstrap import Difference
from sissi.figures.style import BLACK, TEXT, lines_of, new_figure, plain


def differences(
    by_reader: Mapping[str, Mapping[str, Difference]],
    metric: str,
    other: str = "Baseline",
    known: Mapping[str, Variant] = VARIANTS,
) -> Figure:
    """Difference and its 95 % interval for each variant, in percentage points.

    Args:
        by_reader: differences by reader, then by variant.
        metric: name of the metric, such as AP.
        other: title of the variant of comparison.
        known: variants by name.
    """
    variants = list(dict.fromkeys(variant for of_reader in by_reader.values() for variant in of_reader))
    lines = lines_of(variants)
    figure = new_figure(8.6, 1.1 + 0.3 * len(variants))
    panels = figure.subplots(1, len(by_reader), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (reader, of_variants) in zip(panels, by_reader.items(), strict=True):
        for variant, difference in of_variants.items():
            height, line = -variants.index(variant), lines[variant]
            interval = [100 * difference.low, 100 * difference.high]
            axes.plot(interval, [height, height], color=line.colour, linewidth=2)
            axes.plot(100 * difference.value, height, line.marker, color=line.colour, markersize=6)
        axes.axvline(0, color=BLACK, linewidth=0.8)
        plain(axes, reader, f"{metric} minus that of {other}, points")
    panels[0].set_yticks([-index for index in range(len(variants))])
    panels[0].set_yticklabels([known[variant].title for variant in variants], fontsize=TEXT)
    panels[0].set_ylim(0.6 - len(variants), 0.6)
    return figure
