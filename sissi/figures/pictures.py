"""Figures of images and boxes: figures 3, 4 and 8 of the paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from sissi.boxes import Boxes, match
from sissi.config.variants import VARIANTS, Variant
from sissi.figures.style import CLASS_COLOURS, GREEN, PURPLE, SKY, TEXT, VERMILION, new_figure

Image = npt.NDArray[np.uint8]
SIDE = 2.6
"""Width of a panel in inches."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Image with boxes.

    Attributes:
        title: title above the image.
        image: RGB image, shape (H, W, 3), uint8.
        boxes: boxes in px of the image, cut at its edges; None: the image without boxes.
        truth: true boxes for a comparison at IoU 0.5: boxes that match are green, those of another class purple,
            others vermilion, and missed cells dashed sky blue; None: boxes have the colours of their classes, of which
            the first is orange.
    """

    title: str
    image: Image
    boxes: Boxes | None = None
    truth: Boxes | None = None


def side_by_side(images: Sequence[Sequence[Panel]], columns: int = 4) -> Figure:
    """Figure 4: the panels of each image in rows of at most `columns` panels; each image starts a new row."""
    rows = [panels[start : start + columns] for panels in images for start in range(0, len(panels), columns)]
    return _grid(rows, ["" for _ in rows])


def synthetic_like(
    original: Image, synthetic: Mapping[str, Mapping[int, Image]], known: Mapping[str, Variant] = VARIANTS
) -> Figure:
    """Figure 3: an image and its synthetic-like versions, one row per variant.

    Args:
        original: RGB image, shape (H, W, 3), uint8.
        synthetic: synthetic-like images by variant, then by the epoch that is trained on them.
        known: variants by name.
    """
    rows = [
        [Panel("original", original), *(Panel(f"epoch {epoch}", image) for epoch, image in of_epochs.items())]
        for of_epochs in synthetic.values()
    ]
    return _grid(rows, [known[variant].title for variant in synthetic])


def label_cycles(
    image: Image,
    labels: Mapping[str, Mapping[int, Boxes]],
    truth: Boxes | None = None,
    known: Mapping[str, Variant] = VARIANTS,
) -> Figure:
    """Figure 8: the pseudo labels of an image over the cycles, one row per variant.

    Args:
        image: RGB image, shape (H, W, 3), uint8.
        labels: pseudo labels by variant, then by the epoch that is trained on them, in px of the image.
        truth: better labels of the image, or None: see `Panel.truth`.
        known: variants by name.
    """
    rows = [
        [Panel(_counted(epoch, boxes), image, boxes, truth) for epoch, boxes in of_epochs.items()]
        for of_epochs in labels.values()
    ]
    return _grid(rows, [known[variant].title for variant in labels])


def _counted(epoch: int, boxes: Boxes) -> str:
    name = "initial labels" if epoch == 0 else f"epoch {epoch}"
    return f"{name}: {len(boxes)}"


def _grid(rows: Sequence[Sequence[Panel]], names: Sequence[str]) -> Figure:
    columns = max(map(len, rows))
    heights = [SIDE * row[0].image.shape[0] / row[0].image.shape[1] + 0.25 for row in rows]
    figure = new_figure(SIDE * columns + 0.3, sum(heights))
    panels = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
    for axes_of_row, row, name in zip(panels, rows, names, strict=True):
        for axes in axes_of_row[len(row) :]:
            axes.set_axis_off()
        for axes, panel in zip(axes_of_row, row, strict=False):
            _draw(axes, panel)
        axes_of_row[0].set_ylabel(name, fontsize=TEXT)
    return figure


def _draw(axes: Any, panel: Panel) -> None:
    axes.imshow(panel.image, interpolation="nearest")
    axes.autoscale(False)  # boxes outside of a part of an image would widen the panel
    axes.set_title(panel.title, fontsize=TEXT, pad=3)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if panel.boxes is None:
        return
    if panel.truth is None:
        for label in np.unique(panel.boxes.labels).tolist():
            colour = CLASS_COLOURS[(label - 1) % len(CLASS_COLOURS)]
            _outline(axes, panel.boxes.take(panel.boxes.labels == label), colour, "-")
        return
    matched = match(panel.boxes, panel.truth)
    missed = np.setdiff1d(np.arange(len(panel.truth)), matched)
    _outline(axes, panel.truth.take(missed), SKY, (0, (2, 1.5)))
    _outline(axes, panel.boxes.take(matched < 0), VERMILION, "-")
    right = np.append(panel.truth.labels, 0)[matched] == panel.boxes.labels
    _outline(axes, panel.boxes.take((matched >= 0) & ~right), PURPLE, "-")
    _outline(axes, panel.boxes.take((matched >= 0) & right), GREEN, "-")


def _outline(axes: Any, boxes: Boxes, colour: str, dashes: Any) -> None:
    # the centre of the first pixel is at 0 in imshow, its left edge at -0.5
    left, top, right, bottom = (boxes.xyxy - 0.5).T
    corners = np.stack(
        [np.stack([left, right, right, left, left], 1), np.stack([top, top, bottom, bottom, top], 1)], axis=2
    )
    axes.add_collection(LineCollection(list(corners), colors=colour, linestyles=dashes, linewidths=1.1))
