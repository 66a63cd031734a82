"""Style of the figures: one palette for colour-blind readers, and plain axes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILION, PURPLE, GREY, BROWN = "#0072B2", "#D55E00", "#CC79A7", "#767676", "#8C510A"
OLIVE, WINE = "#999933", "#882255"
"""Okabe & Ito's palette (Wong, *Points of view: Color blindness*, Nature Methods 8, 2011) without its yellow, which
vanishes on white, but with a grey, a brown, and two that only the rows of corrected images have."""
CLASS_COLOURS = (ORANGE, SKY, GREEN, PURPLE, BLUE, VERMILION)
"""Colours of the boxes of classes 1, 2 and so on, then from the start; as in `sissi.data.images.draw`."""
TEXT = 9
"""Font size in points."""


@dataclass(frozen=True)
class Line:
    """Line style of a variant, which differs in more than the colour."""

    colour: str
    dashes: str
    marker: str


LINES = {
    "baseline": Line(BLACK, "-", "o"),
    "sissi-w": Line(SKY, "--", "s"),
    "sissi-s": Line(BLUE, "-", "s"),
    "plain-a": Line(PURPLE, "-", "D"),
    "a+sissi-w": Line(ORANGE, "--", "^"),
    "a+sissi-s": Line(VERMILION, "-", "^"),
    "weak-only": Line(GREY, ":", "x"),
    "oracle": Line(GREEN, ":", "+"),
    "corrected-only": Line(OLIVE, ":", "1"),
    "corrected-first": Line(WINE, "-.", "h"),
    "recipe": Line(BROWN, "-.", "d"),
}
"""Line styles by the name of the variant: strong blur solid, weak blur dashed, ADELE rows in warm colours."""


def lines_of(variants: Iterable[str]) -> dict[str, Line]:
    """Line style for each variant, in order; variants that are not built in get styles from a fixed sequence."""
    others = itertools.cycle(
        Line(colour, dashes, marker)
        for dashes, marker in (("-.", "v"), ("-", "*"), ("--", "P"), (":", "<"), ("-.", ">"))
        for colour in (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
    )
    return {name: LINES[name] if name in LINES else next(others) for name in variants}


def new_figure(width: float, height: float) -> Figure:
    """Empty figure of this size in inches, outside of pyplot's list of open figures."""
    return Figure(figsize=(width, height), layout="constrained")


def plain(axes: Any, title: str = "", x: str = "", y: str = "") -> None:
    """Set the texts of axes, a faint grid, and no frame at the top and right."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=TEXT)
    axes.set_title(title, fontsize=TEXT + 1, loc="left")
    axes.set_xlabel(x, fontsize=TEXT)
    axes.set_ylabel(y, fontsize=TEXT)


def legend(axes: Any) -> None:
    """Add a legend inside axes, where it hides the least."""
    axes.legend(fontsize=TEXT - 1, loc="best", framealpha=0.8, edgecolor="none")


def whole_numbers(axis: Any) -> None:
    """Set ticks at whole numbers only, for epochs."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))
