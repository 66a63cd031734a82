"""Settings of self-training; pixels are those of the resized image that the detector sees."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from sissi.config.base import Fraction, OddKernel, Settings


class PseudoLabels(Settings):
    """Label correction (3.4): test-time augmentation and weighted boxes fusion."""

    scales: tuple[PositiveFloat, ...] = Field(default=(0.8, 0.9, 1.0, 1.1, 1.2), min_length=1)
    flips: tuple[Literal["none", "horizontal", "vertical", "both"], ...] = Field(
        default=("none", "horizontal", "vertical", "both"), min_length=1
    )
    view_score: Fraction = 0.05
    """Boxes of a view below this score do not take part in the fusion."""
    wbf_iou: Fraction = 0.5
    """Boxes that overlap more than this are taken for one cell and fused."""
    fusion: Literal["wbf", "nms"] = "wbf"
    """wbf, as in the paper: boxes of one cell are averaged, weighted by their scores; nms: the one with the highest
    score stays as it is, and keeps its score however few views show it."""
    score: Fraction = 0.4
    """A fused box becomes a pseudo label at this score; fusion multiplies it by the share of views that found it."""
    smallest: float = Field(default=0, ge=0)
    """A box whose longer side is shorter than this, in px, is debris, not a label; 0, as in the paper: none is."""
    merge: Literal["replace", "add", "refine"] = "replace"
    """replace, as in the paper: the initial labels are gone; add: they stay, and pseudo labels that overlap none of
    them come in; refine: a pseudo label that matches an initial one moves towards it, weighted by both scores."""
    confirm: Fraction | None = None
    """With merge: add, an initial label stays only where a box of at least this score overlaps it by more than
    wbf_iou; left out: all stay."""
    size: Literal["found", "initial"] = "found"
    """found, as in the paper: boxes are as large as the detector draws them; initial: all are scaled by one factor, by
    which those that find an initial label are as large as it in the median."""
    on_empty: Literal["keep", "clear", "drop"] = "keep"
    """An image where nothing is found keeps its labels, becomes an image without cells, or sits out the epoch."""

    @model_validator(mode="after")
    def _confirms_what_stays(self) -> Self:
        if self.confirm is not None and self.merge != "add":
            raise ValueError(f"confirm: needs merge: add; with merge: {self.merge} no initial label stays by itself")
        return self


class Blur(Settings):
    """Gaussian blur of the background."""

    kernel: tuple[OddKernel, OddKernel]
    """Width and height of the kernel, in px, odd."""
    sigma: float = Field(default=0, ge=0)
    """Standard deviation in px; 0: OpenCV's own for the kernel, 0.3 ((kernel - 1) / 2 - 1) + 0.8."""


class SyntheticImages(Settings):
    """Seamless cloning of labelled cells onto a blurred background (3.5)."""

    weak: Blur = Blur(kernel=(21, 21))
    """(W) of table 1, as printed."""
    strong: Blur = Blur(kernel=(71, 71), sigma=30)
    """(S) of table 1. The printed (12, 32) is even, which no Gaussian kernel can be; this is the authors' code's."""
    margin: int = Field(default=5, ge=2)
    """What the cloned region adds to a box on each side, in px: the outer pixels of a clone blend into the blur."""
    cloning: Literal["per_cell", "union"] = "per_cell"
    """per_cell: one cell after the other, each blending into the blur around it; union: all regions as one, so that
    cells that touch have no seam, but brightness may drift in the blur between the regions."""
    shape: Literal["rectangle", "ellipse"] = "rectangle"
    """Of the region: a cell's halo reaches into the corners of a rectangle; an ellipse brings less background along."""
    share: Fraction = 1
    """Of the target images of an epoch that are synthetic-like, drawn anew every epoch; the others stay as they are."""


class SelfTraining(Settings):
    """How the corrected labels are trained on (3.4, 3.5); the defaults are the paper's."""

    mixed: bool = True
    """Mixed batches as in early learning; false: target images take the places of the source images, so that batches
    are as large and as many, and an epoch sees each target image more than once."""
    ignore_doubtful: Fraction | None = None
    """Boxes with a score from this up to pseudo_labels.score are doubtful: anchors and proposals with an IoU of 0.5 or
    more with one, and that match no label, count neither as cell nor as background. Left out: as background."""
    learning_rate: PositiveFloat = 1
    """Factor of training.learning_rate."""
    restart: bool = False
    """True: after the last epoch a network with new weights learns the last labels, on original images, and for as many
    epochs again (noisy student, Xie et al. 2020). Nothing has taught it that cells without a label are background."""
