"""Images of the demo's source domain: fluorescent and stained cells, with instance masks as in Cellpose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sissi.data.demo.light import Pixels, expose, texture, uneven_light
from sissi.data.demo.outlines import Floats, blob, depth, lobed
from sissi.data.demo.phase_contrast import STAMP
from sissi.data.demo.placing import Mask, Placed, scatter

Look = Literal["fluorescent", "stained"]
LOOKS: tuple[Look, ...] = ("fluorescent", "stained")
CELL_SIZE = 21.0
"""Longer side of a cell at scale 1: the median in px."""

_DYES = (
    ((1, 1, 1), (1, 1, 1)),
    ((0.1, 1, 0.2), (0.1, 1, 0.2)),
    ((0.2, 0.35, 1), (0.2, 0.35, 1)),
    ((0.1, 0.9, 0.15), (0.9, 0.1, 0.1)),
    ((0.95, 0.25, 0.15), (0.25, 0.35, 1)),
)
"""Colours (RGB) of body and nucleus under fluorescence: grey, green, blue, and two with another colour each."""
_STAINS = (
    ((238, 216, 228), (0.16, 0.38, 0.14), (0.75, 0.95, 0.40)),
    ((226, 222, 216), (0.28, 0.30, 0.10), (0.95, 0.90, 0.35)),
)
"""Ground (RGB grey levels), optical density of body and of nucleus for each channel: like H&E, like Giemsa."""


@dataclass(frozen=True, eq=False)
class SourceImage:
    """A drawn image.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        masks: (H, W) uint16, a number for each cell from 1 on without gaps, 0 for the background.
    """

    pixels: Pixels
    masks: npt.NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class _Cell:
    """How much of body and nucleus each pixel of a stamp (S, S) holds, about 0 to 1, and the cell's mask."""

    cytoplasm: Floats
    nucleus: Floats
    body: Mask


def draw_source(
    rng: np.random.Generator,
    look: Look,
    shape: tuple[int, int],
    cells: tuple[int, int],
    scale: float = 1.0,
) -> SourceImage:
    """An image (H, W, 3) of one look; it depends on the state of `rng` alone.

    Args:
        rng: of the drawing.
        look: fluorescent or stained.
        shape: height and width in px.
        cells: fewest and most; there are fewer where no more fit.
        scale: of cells and their texture, against those of the demo, whose longer side is about `CELL_SIZE`. Optics and
            sensor are the same at every scale.
    """
    drawn = [_cell(rng, scale) for _ in range(rng.integers(cells[0], cells[1] + 1))]
    placed = scatter(rng, [cell.body for cell in drawn], shape, np.zeros(shape, np.bool_), scale)
    cytoplasm = _layer([cell.cytoplasm for cell in drawn], placed, shape)
    nuclei = _layer([cell.nucleus for cell in drawn], placed, shape)
    picture = (_fluorescent if look == "fluorescent" else _stained)(rng, cytoplasm, nuclei, scale)
    pixels = expose(rng, picture, blur=rng.uniform(0.6, 1.1), noise=rng.uniform(1.5, 4))
    return SourceImage(pixels, _instances(placed, shape))


def _cell(rng: np.random.Generator, scale: float) -> _Cell:
    outline = blob(rng, (13 * scale, 28 * scale)) if rng.random() < 0.6 else lobed(rng, (14 * scale, 26 * scale))
    side = math.ceil(STAMP * scale)
    inside = depth(outline, (side / 2, side / 2), (side, side))
    size = 2 * float(inside.max())
    middle = side / 2 + rng.uniform(-0.12, 0.12, 2) * size
    core = depth(blob(rng, (0.45 * size, 0.65 * size)), (float(middle[0]), float(middle[1])), inside.shape)
    strength = rng.uniform(0.45, 1.1)
    edge = np.clip(inside + 0.5, 0, 1)
    dome = 0.6 + 0.4 * np.clip(inside / inside.max(), 0, 1)
    grain = 1 + 0.15 * texture(rng, inside.shape, 1.3 * scale)
    nucleus = np.clip(core + 0.5, 0, 1) * (1 + 0.12 * texture(rng, inside.shape, 1.0 * scale))
    return _Cell((strength * edge * dome * grain).astype(np.float32), strength * nucleus * edge, inside > 0)


def _layer(parts: Sequence[Floats], placed: Sequence[Placed], shape: tuple[int, int]) -> Floats:
    """One part of all cells on the image: (H, W) float32, the strongest where cells overlap."""
    layer = np.zeros(shape, np.float32)
    for cell in placed:
        layer[cell.image] = np.maximum(layer[cell.image], parts[cell.index][cell.stamp])
    return layer


def _fluorescent(rng: np.random.Generator, cytoplasm: Floats, nuclei: Floats, scale: float) -> Floats:
    """Cells that shine on a dark ground: (H, W, 3) float32 grey levels."""
    body, core = np.array(_DYES[rng.integers(len(_DYES))], np.float32)
    haze = 1 + 0.3 * texture(rng, cytoplasm.shape, 12.0 * scale)
    light = 130 * cytoplasm[..., None] * body + 100 * nuclei[..., None] * core + 8 * haze[..., None] * (body + 0.3)
    picture: Floats = (light * uneven_light(rng, cytoplasm.shape, 0.2)[..., None]).astype(np.float32)
    return picture


def _stained(rng: np.random.Generator, cytoplasm: Floats, nuclei: Floats, scale: float) -> Floats:
    """Cells that swallow light on a bright ground (Beer-Lambert): (H, W, 3) float32 grey levels."""
    ground, body, core = (np.array(part, np.float32) for part in _STAINS[rng.integers(len(_STAINS))])
    coarse, fine = texture(rng, cytoplasm.shape, 5.0 * scale), texture(rng, cytoplasm.shape, 1.5 * scale)
    fibres = np.maximum(0.06 + 0.05 * coarse + 0.03 * fine, 0)
    density = (cytoplasm + fibres)[..., None] * body + nuclei[..., None] * core
    return (ground * uneven_light(rng, cytoplasm.shape, 0.1)[..., None] * np.exp(-density)).astype(np.float32)


def _instances(placed: Sequence[Placed], shape: tuple[int, int]) -> npt.NDArray[np.uint16]:
    """Numbered masks; where cells overlap, the earlier lies on top, so that none is hidden."""
    masks = np.zeros(shape, np.uint16)
    for number, cell in enumerate(placed, start=1):
        masks[cell.mask & (masks == 0)] = number
    return masks
