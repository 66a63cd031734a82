"""Images of the demo's target domain: fibroblasts under phase contrast in three states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, make_boxes
from sissi.data.demo.light import Pixels, expose, texture, uneven_light
from sissi.data.demo.outlines import Floats
from sissi.data.demo.phase_contrast import Kind, Stamp, draw_cell, draw_debris
from sissi.data.demo.placing import Mask, Placed, extents, scatter

KINDS: tuple[Kind, ...] = ("alive", "inhib", "dead")
"""The image folders of the CellLab layout."""

_KIND_SHARE = 0.88
"""Of the cells of an image, those of the image's kind; the others are of any kind, as in a culture."""
_DEBRIS = (2, 7)
"""Fewest and most specks in an image."""


@dataclass(frozen=True, eq=False)
class TargetImage:
    """A drawn image with all that is known of it.

    Attributes:
        kind: of most of its cells.
        kinds: of each cell.
        pixels: (H, W) uint8.
        masks: (H, W) bool for each cell, with halo and ring; they may overlap a little.
        contrast: (N,) float64 of each cell, about 1 where it is full, below 0.5 where it is faint.
        visible: (N,) float64, the fraction of each cell that lies inside the image.
        debris: boxes of the specks that are no cells.
    """

    kind: Kind
    kinds: tuple[Kind, ...]
    pixels: Pixels
    masks: tuple[Mask, ...]
    contrast: npt.NDArray[np.float64]
    visible: npt.NDArray[np.float64]
    debris: Boxes

    @property
    def truth(self) -> Boxes:
        """The tight box of each cell, clipped to the image."""
        return extents(self.masks)

    @property
    def named_truth(self) -> Boxes:
        """The truth, with the number of each cell's kind in `KINDS`, from 1 on, as its label."""
        return make_boxes(self.truth.xyxy, labels=[KINDS.index(kind) + 1 for kind in self.kinds])


def draw_target(rng: np.random.Generator, kind: Kind, shape: tuple[int, int], cells: tuple[int, int]) -> TargetImage:
    """An image (H, W) with cells mostly of one kind; it depends on the state of `rng` alone.

    `cells` are the fewest and the most; there are fewer where no more fit.
    """
    drawn = [_drawn(rng, kind) for _ in range(rng.integers(cells[0], cells[1] + 1))]
    kinds, stamps = [one for one, _ in drawn], [stamp for _, stamp in drawn]
    contrasts = 0.2 + 0.8 * rng.beta(1.1, 1.8, len(stamps))
    placed = scatter(rng, [stamp.body for stamp in stamps], shape, np.zeros(shape, np.bool_))
    masks = tuple(cell.mask for cell in placed)

    specks = [draw_debris(rng) for _ in range(rng.integers(_DEBRIS[0], _DEBRIS[1] + 1))]
    taken = np.logical_or.reduce(masks) if masks else np.zeros(shape, np.bool_)
    dirt = scatter(rng, [speck.body for speck in specks], shape, taken)

    light = _light(stamps, contrasts, placed, shape) + _light(specks, rng.uniform(0.3, 0.9, len(specks)), dirt, shape)
    return TargetImage(
        kind=kind,
        kinds=tuple(kinds[cell.index] for cell in placed),
        pixels=_photograph(rng, light),
        masks=masks,
        contrast=contrasts[[cell.index for cell in placed]],
        visible=np.array([cell.visible for cell in placed]),
        debris=extents([speck.mask for speck in dirt]),
    )


def _drawn(rng: np.random.Generator, main: Kind) -> tuple[Kind, Stamp]:
    kind = _kind(rng, main)
    return kind, draw_cell(rng, kind)


def _kind(rng: np.random.Generator, main: Kind) -> Kind:
    return main if rng.random() < _KIND_SHARE else KINDS[rng.integers(len(KINDS))]


def _light(
    stamps: Sequence[Stamp],
    contrasts: npt.NDArray[np.float64],
    placed: Sequence[Placed],
    shape: tuple[int, int],
) -> Floats:
    """What the placed stamps add to the image: (H, W) float32, 1 being full contrast."""
    light = np.zeros(shape, np.float32)
    for cell in placed:
        light[cell.image] += contrasts[cell.index] * stamps[cell.index].light[cell.stamp]
    return light


def _photograph(rng: np.random.Generator, cells: Floats) -> Pixels:
    """What the camera sees of cells (H, W) on a textured, unevenly lit ground: (H, W) uint8."""
    ground = 1 + 0.008 * texture(rng, cells.shape, 2.0) + 0.03 * texture(rng, cells.shape, 9.0)
    picture = rng.uniform(105, 135) * uneven_light(rng, cells.shape, 0.3) * (ground + rng.uniform(0.45, 0.6) * cells)
    return expose(rng, picture.astype(np.float32), blur=rng.uniform(0.55, 0.9), noise=rng.uniform(1.0, 2.0))
