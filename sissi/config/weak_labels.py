"""Settings of the weak labels by image processing (appendix A); pixels are those of the image file."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt

from sissi.config.base import Fraction, Interval, OddKernel, Settings
from sissi.names import PipelineSetting


class DeadCells(Settings):
    """Settings of the circle Hough transform for round, bright cells; pixels of the image file."""

    radius: Interval = (7, 15)
    """Smallest and largest radius of a cell, in px."""
    smoothing: float = Field(default=0, ge=0)
    """Standard deviation of a Gaussian filter before the transform, in px; 0: none. Smoothing is for large cells, whose
    texture otherwise votes for false circles."""
    edge_threshold: PositiveFloat = 90
    """Upper Canny threshold of the Hough transform, in grey levels; the lower one is half of it."""
    votes: PositiveFloat = 12
    """Smallest number of votes for a centre; a lower number gives more circles, and more false ones."""
    margin: float = Field(default=2, ge=0)
    """Margin of a box around its circle, in px (halo and membrane)."""
    nms_iou: Fraction = 0.2
    """IoU above which the box with fewer votes is removed."""


class AliveCells(Settings):
    """Settings of the marker-controlled watershed for spindle-shaped cells; pixels of the image file."""

    gamma: PositiveFloat = 1.2
    """Exponent of the gamma correction of intensities in [0, 1]."""
    clahe_clip: PositiveFloat = 2.0
    """Clip limit of the contrast-limited adaptive histogram equalisation."""
    clahe_tiles: PositiveInt = 8
    """Number of tiles of the equalisation along each side."""
    radius: PositiveInt = 3
    """Radius of the structuring element of closing and opening by reconstruction, in px: about half the width of a
    cell body inside its halo."""
    ground_radius: PositiveInt = 10
    """Radius of the opening that removes cells from the background, in px: more than half the width of a cell."""
    adaptive_window: OddKernel = Field(default=51, ge=3)
    """Window of the adaptive threshold that detects borders between cells, in px, odd."""
    marker_distance: PositiveInt = 8
    """Smallest distance of two markers, and so of the centres of two cells, in px."""
    area: Interval = (150, 4000)
    """Smallest and largest area of a box, in square px."""
    nms_iou: Fraction = 0.3
    """IoU above which the smaller box is removed."""


class InhibitedCells(Settings):
    """Settings of edges and connected components for irregular cells; pixels of the image file."""

    illumination_radius: PositiveInt = 12
    """Largest radius of the alternating filters that estimate uneven illumination, in px: above a cell's radius."""
    smoothing: PositiveFloat = 1.0
    """Standard deviation of the Gaussian filter before edge detection, in px: about the grain size of the noise."""
    edge_strength: Interval = (2, 5)
    """Low and high Canny threshold, in multiples of the background gradient. Noise alone exceeds 2 in one of 16
    background pixels, and exceeds 5 in none."""
    closing_radius: PositiveInt = 2
    """Radius of the closing that joins the edges of a cell, in px."""
    opening_radius: PositiveInt = 3
    """Radius of the opening that removes structures too thin for a cell, in px: less than half the width of a cell."""
    area: Interval = (110, 1500)
    """Smallest and largest area of a box, in square px."""
    nms_iou: Fraction = 0.3
    """IoU above which the smaller box is removed."""


class PipelineChoice(Settings):
    """Settings of the rule by which `auto` chooses a pipeline; see `sissi.weak_labels.choosing`.

    The ratios do not depend on exposure.
    """

    area: Interval = (60, 800)
    """Smallest and largest area of the evaluated regions, in square px: about the area of one cell."""
    rim_width: PositiveFloat = 2.5
    """Width of the rim of a region, inside the region, in px."""
    dark_rim: float = 0.33
    """Threshold of the ratio of rim to mean deviation from the background; a lower ratio means dead: a dark ring."""
    bright_balance: float = 0.83
    """Threshold of the balance of bright and dark; a higher balance means alive: a halo, and a body that is not darker
    than the background."""


class WeakLabels(Settings):
    """Settings of labels by image processing instead of files (appendix A)."""

    pipeline: PipelineSetting = "category"
    """One pipeline for all images; `category`: the pipeline that the CellLab folder (alive, inhib, dead) names; `auto`:
    a pipeline for each image by its appearance."""
    auto: PipelineChoice = PipelineChoice()
    dead: DeadCells = DeadCells()
    alive: AliveCells = AliveCells()
    inhibited: InhibitedCells = InhibitedCells()
