"""Settings of the weak labels by image processing (appendix A); pixels are those of the image file."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt

from sissi.config.base import Fraction, Interval, OddKernel, Settings
from sissi.names import PipelineSetting


class DeadCells(Settings):
    """Circle Hough transform for round, bright cells; pixels of the image file."""

    radius: Interval = (7, 15)
    """Radius of a cell, smallest and largest, in px."""
    smoothing: float = Field(default=0, ge=0)
    """Standard deviation of a Gaussian before the transform, in px; 0: straight on the grey image. For large cells,
    whose texture else votes for circles that are not there."""
    edge_threshold: PositiveFloat = 90
    """Upper Canny threshold of the Hough transform, in grey levels; the lower one is half of it."""
    votes: PositiveFloat = 12
    """Votes that a centre needs; fewer votes find more circles and more wrong ones."""
    margin: float = Field(default=2, ge=0)
    """What a box adds to its circle on each side, in px (halo and membrane)."""
    nms_iou: Fraction = 0.2
    """Of two boxes that overlap more than this, the one with fewer votes goes."""


class AliveCells(Settings):
    """Marker-controlled watershed for spindle-shaped cells; pixels of the image file."""

    gamma: PositiveFloat = 1.2
    """Exponent of the gamma correction of intensities in [0, 1]."""
    clahe_clip: PositiveFloat = 2.0
    """Clip limit of the contrast-limited adaptive histogram equalisation."""
    clahe_tiles: PositiveInt = 8
    """Tiles of the equalisation along each side."""
    radius: PositiveInt = 3
    """Radius of the structuring element of closing and opening by reconstruction, in px: about half the width of the
    body inside its halo."""
    ground_radius: PositiveInt = 10
    """Radius of the opening that leaves the ground without cells, in px: above half a cell's width."""
    adaptive_window: OddKernel = Field(default=51, ge=3)
    """Window of the adaptive threshold that finds borders between cells, in px, odd."""
    marker_distance: PositiveInt = 8
    """Smallest distance of two markers, so of two cells' centres, in px."""
    area: Interval = (150, 4000)
    """Area of a box, smallest and largest, in square px."""
    nms_iou: Fraction = 0.3
    """Of two boxes that overlap more than this, the smaller goes."""


class InhibitedCells(Settings):
    """Edges and connected components for irregular cells; pixels of the image file."""

    illumination_radius: PositiveInt = 12
    """Largest radius of the alternating filters that estimate the uneven light, in px: above a cell's radius."""
    smoothing: PositiveFloat = 1.0
    """Standard deviation of the Gaussian before the edges, in px: about the size of the grain of the noise."""
    edge_strength: Interval = (2, 5)
    """Canny thresholds, low and high, in multiples of the ground's gradient. Of the ground's pixels one in 16 exceeds
    2 by noise alone, none exceeds 5."""
    closing_radius: PositiveInt = 2
    """Radius of the closing that joins the edges of a cell, in px."""
    opening_radius: PositiveInt = 3
    """Radius of the opening that takes away what is too thin for a cell, in px: below half a cell's width."""
    area: Interval = (110, 1500)
    """Area of a box, smallest and largest, in square px."""
    nms_iou: Fraction = 0.3
    """Of two boxes that overlap more than this, the smaller goes."""


class PipelineChoice(Settings):
    """The rule by which `auto` takes a pipeline; see `sissi.weak_labels.choosing`. Ratios do not depend on exposure."""

    area: Interval = (60, 800)
    """Area of the regions that are looked at, smallest and largest, in square px: about that of one cell."""
    rim_width: PositiveFloat = 2.5
    """How far the rim of a region reaches into it, in px."""
    dark_rim: float = 0.33
    """Below this, the rim over the mean deviation from the ground says dead: a dark ring."""
    bright_balance: float = 0.83
    """Above this, the balance of bright and dark says alive: a halo, and a body no darker than the ground."""


class WeakLabels(Settings):
    """Labels by image processing instead of files (appendix A)."""

    pipeline: PipelineSetting = "category"
    """One pipeline for all images; `category`: the one that the CellLab folder (alive, inhib, dead) names; `auto`: the
    one that suits each image by its look."""
    auto: PipelineChoice = PipelineChoice()
    dead: DeadCells = DeadCells()
    alive: AliveCells = AliveCells()
    inhibited: InhibitedCells = InhibitedCells()
