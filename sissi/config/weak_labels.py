"""Settings of the weak labels by image processing (appendix A); pixels are those of the image file.

The defaults of radii, windows, areas and distances are for cells of `sissi.config.sizes.DRAWN_CELL` px; where they are
not given, they follow from `cell_size`.
"""

from __future__ import annotations

from math import inf
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from sissi.config.base import Fraction, Interval, Settings
from sissi.config.sizes import Area, Length, Lengths, Pixels, Scales, SizedSettings, Window
from sissi.names import PipelineSetting


class DeadCells(SizedSettings):
    """Settings of the circle Hough transform for round, bright cells; pixels of the image file."""

    radius: Lengths = (7, 15)
    """Smallest and largest radius of a cell, in px."""
    smoothing: Annotated[float, Scales()] = Field(default=0, ge=0)
    """Standard deviation of a Gaussian filter before the transform, in px; 0: none. Smoothing is for large cells, whose
    texture otherwise votes for false circles."""
    edge_threshold: PositiveFloat = 90
    """Upper Canny threshold of the Hough transform, in grey levels; the lower one is half of it."""
    votes: PositiveFloat = 12
    """Smallest number of votes for a centre; a lower number gives more circles, and more false ones."""
    margin: Annotated[float, Scales()] = Field(default=2, ge=0)
    """Margin of a box around its circle, in px (halo and membrane)."""
    nms_iou: Fraction = 0.2
    """IoU above which the box with fewer votes is removed."""


class AliveCells(SizedSettings):
    """Settings of the marker-controlled watershed for spindle-shaped cells; pixels of the image file."""

    gamma: PositiveFloat = 1.2
    """Exponent of the gamma correction of intensities in [0, 1]."""
    clahe_clip: PositiveFloat = 2.0
    """Clip limit of the contrast-limited adaptive histogram equalisation."""
    clahe_tiles: PositiveInt = 8
    """Number of tiles of the equalisation along each side."""
    radius: Pixels = 3
    """Radius of the structuring element of closing and opening by reconstruction, in px: about half the width of a
    cell body inside its halo."""
    ground_radius: Pixels = 10
    """Radius of the opening that removes cells from the background, in px: more than half the width of a cell."""
    adaptive_window: Window = 51
    """Window of the adaptive threshold that detects borders between cells, in px, odd."""
    marker_distance: Pixels = 8
    """Smallest distance of two markers, and so of the centres of two cells, in px."""
    area: Area = (150, 4000)
    """Smallest and largest area of a box, in square px."""
    nms_iou: Fraction = 0.3
    """IoU above which the smaller box is removed."""


class InhibitedCells(SizedSettings):
    """Settings of edges and connected components for irregular cells; pixels of the image file."""

    illumination_radius: Pixels = 12
    """Largest radius of the alternating filters that estimate uneven illumination, in px: above a cell's radius."""
    smoothing: Length = 1.0
    """Standard deviation of the Gaussian filter before edge detection, in px: about the grain size of the noise."""
    edge_strength: Interval = (2, 5)
    """Low and high Canny threshold, in multiples of the background gradient. Noise alone exceeds 2 in one of 16
    background pixels, and exceeds 5 in none."""
    closing_radius: Pixels = 2
    """Radius of the closing that joins the edges of a cell, in px."""
    opening_radius: Pixels = 3
    """Radius of the opening that removes structures too thin for a cell, in px: less than half the width of a cell."""
    area: Area = (110, 1500)
    """Smallest and largest area of a box, in square px."""
    nms_iou: Fraction = 0.3
    """IoU above which the smaller box is removed."""


class AdherentCells(SizedSettings):
    """Settings of local contrast and watershed for flat cells in transmitted light; pixels of the image file."""

    texture: Length = 0.7
    """Standard deviation of the Gaussian window in which local contrast is measured, in px."""
    threshold: PositiveFloat = 1.3
    """Lowest local contrast of a cell, in multiples of Otsu's threshold; a lower one finds fainter cells, and more
    dirt."""
    hole: Annotated[float, Scales(power=2)] = Field(default=105, ge=0)
    """Largest hole inside a cell that is filled, in square px."""
    opening_radius: Pixels = 2
    """Radius of the opening that removes dirt and threads, in px."""
    halo_radius: Pixels = 1
    """Width of the bright halo outside a cell, which is no part of it, in px."""
    depth_smoothing: Length = 1.8
    """Standard deviation of the Gaussian filter of the distance to the background, in px."""
    halo_smoothing: Length = 1.2
    """Standard deviation of the Gaussian filter before halos between cells are sought, in px."""
    surroundings: Length = 23
    """Standard deviation of the Gaussian window to whose mean a halo is compared, in px."""
    halo_depth: Annotated[float, Scales()] = Field(default=1, ge=0)
    """How much shallower a cell counts where it is brighter by one standard deviation, in px; 0: halos do not split."""
    neck: Fraction = 0.8
    """Two parts are two cells if the neck between them is narrower than this share of the smaller one's width; a higher
    one splits more."""
    side: Lengths = (10, 70)
    """Smallest and largest longer side of a box, in px."""


class StainedCells(SizedSettings):
    """Settings of threshold and watershed for fluorescent or stained cells and nuclei; pixels of the image file."""

    smoothing: Length = 0.5
    """Standard deviation of the Gaussian filter against noise, in px."""
    ground: Length = 40
    """Standard deviation of the Gaussian window in which the background is estimated, in px."""
    share: Fraction = 0.57
    """Outline of a cell, as a share of the mean contrast of the cells around; a higher one draws it tighter."""
    surroundings: Length = 14
    """Standard deviation of the Gaussian window of this mean, in px."""
    hole: Annotated[float, Scales(power=2)] = Field(default=130, ge=0)
    """Largest hole inside a cell that is filled, in square px, such as the pale centre of a red blood cell."""
    opening_radius: Pixels = 3
    """Radius of the opening that removes dirt and threads, in px."""
    depth_smoothing: Length = 1.8
    """Standard deviation of the Gaussian filter of the distance to the background, in px."""
    neck: Fraction = 0.98
    """Two parts are two cells if the neck between them is narrower than this share of the smaller one's width; a higher
    one splits more."""
    margin: Annotated[float, Scales()] = Field(default=0.8, ge=0)
    """Margin of a box around what is found of its cell, in px, since the outline of a cell is faint."""
    side: Lengths = (10, 92)
    """Smallest and largest longer side of a box before its margin, in px."""


class PipelineChoice(SizedSettings):
    """Settings of the rule by which `auto` chooses a pipeline; see `sissi.weak_labels.choosing`.

    The ratios do not depend on exposure.
    """

    area: Area = (60, 800)
    """Smallest and largest area of the evaluated regions, in square px: about the area of one cell."""
    rim_width: Length = 2.5
    """Width of the rim of a region, inside the region, in px."""
    dark_rim: float = 0.33
    """Threshold of the ratio of rim to mean deviation from the background; a lower ratio means dead: a dark ring."""
    dark_balance: float = -0.1
    """Threshold of the balance of bright and dark, below which there is no bright disc in the dark ring."""
    bright_balance: float = 0.83
    """Threshold of the balance of bright and dark; a higher balance means alive: a halo, and a body that is not darker
    than the background."""
    even_balance: float = 0.15
    """Threshold of the balance of bright and dark; a lower balance means adherent: bright halos, and bodies that are
    darker than the background."""
    strong_contrast: PositiveFloat = 0.36
    """Threshold of the mean departure from the background, over the brightness of the background; a higher one means
    adherent too: the strong halos of phase contrast."""
    apart: Fraction = 0.45
    """Threshold of the share of the cells' area in regions of the size of one cell; a lower share means that cells
    touch, and have to be split."""
    touching_balance: float = 0.45
    """Threshold of the balance of bright and dark of cells that touch; a lower balance means adherent."""


class WeakLabels(Settings):
    """Settings of labels by image processing instead of files (appendix A)."""

    pipeline: PipelineSetting = "category"
    """One pipeline for all images; `category`: the pipeline that the CellLab folder (alive, inhib, dead) names; `auto`:
    a pipeline for each image by its appearance."""
    cell_size: Literal["auto"] | PositiveFloat = "auto"
    """Longer side of a typical cell, in px; `auto`: estimated from all images together. Every radius, window, area and
    distance below that is not given follows from it."""
    kind: Literal["pipeline", "cell"] = "pipeline"
    """Name of the kind of cell that a label has, which an experiment with `classes` reads. pipeline: the cells that the
    image's pipeline is for: dead, alive, inhibited, adherent or stained. cell: a round cell with a dark ring around a
    bright disc is dead in any image, and no other is, with the thresholds of `auto`."""
    auto: PipelineChoice = PipelineChoice()
    dead: DeadCells = DeadCells()
    alive: AliveCells = AliveCells()
    inhibited: InhibitedCells = InhibitedCells()
    adherent: AdherentCells = AdherentCells()
    stained: StainedCells = StainedCells()

    @field_validator("cell_size", mode="before")
    @classmethod
    def _auto_or_length(cls, given: Any) -> Any:
        is_length = isinstance(given, int | float) and not isinstance(given, bool) and 0 < given < inf
        if given != "auto" and not is_length:
            raise ValueError(f"the size of a cell must be auto or a length above 0, in px, not {given}")
        return given

    @property
    def needs_cell_size(self) -> bool:
        """Whether the size of a cell decides any setting that the chosen pipeline uses."""
        used = (
            self._sections if self.pipeline in ("auto", "category") else {self.pipeline: getattr(self, self.pipeline)}
        )
        return any(section.open_sizes() for section in used.values())

    def for_cells_of(self, cell_size: float) -> Self:
        """These settings for cells of a size in px: every size that is not given is set."""
        sections = {name: section.for_cells_of(cell_size) for name, section in self._sections.items()}
        return self.model_validate(dict(self) | sections | {"cell_size": cell_size})

    def scaled(self, factor: float) -> Self:
        """These settings for the same images, enlarged by a factor."""
        return self.model_validate(dict(self) | {name: one.scaled(factor) for name, one in self._sections.items()})

    @property
    def _sections(self) -> dict[str, SizedSettings]:
        return {name: section for name, section in self if isinstance(section, SizedSettings)}
