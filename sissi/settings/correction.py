"""Settings of self-training; pixels are those of the resized image that the detector sees."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat

from sissi.settings.base import Fraction, OddKernel, Settings


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
    score: Fraction = 0.4
    """A fused box becomes a pseudo label at this score; fusion multiplies it by the share of views that found it."""
    smallest: float = Field(default=0, ge=0)
    """A box whose longer side is shorter than this, in px, is debris, not a label; 0, as in the paper: none is."""
    merge: Literal["replace", "add", "refine"] = "replace"
    """replace, as in the paper: the initial labels are gone; add: they stay, and pseudo labels that overlap none of
    them come in; refine: a pseudo label that matches an initial one moves towards it, weighted by both scores."""
    on_empty: Literal["keep", "clear", "drop"] = "keep"
    """An image where nothing is found keeps its labels, becomes an image without cells, or sits out the epoch."""


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
    """What the cloned rectangle adds to a box on each side, in px: the outer pixels of a clone blend into the blur."""
