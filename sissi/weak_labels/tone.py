"""Whether cells absorb or emit light, or bend it: what is brighter than the background of an image, and what darker."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from sissi.weak_labels.background import departure, otsu
from sissi.weak_labels.channels import Image, grey
from sissi.weak_labels.gradients import derivatives, magnitude

_SIDE = 256
"""Longer side of the image on which tones are measured, in px."""
_SMOOTHING = 0.7
"""Standard deviation of the Gaussian filter against noise, in px."""
_COLOURED = 0.06
"""Colour above which there is a stain; a tint of all the light stays below."""
_ONE_SIDED = 0.85
"""Balance, or its negative, above which all that departs from the background does so in one direction."""
_OUTLINED = 0.75
"""Edge above which what departs from the background has the outlines of cells."""


@dataclass(frozen=True)
class Tone:
    """What departs from the background of an image, whatever the size of the cells.

    All measures are ratios of grey levels, so they do not depend on contrast; inversion changes the sign of `balance`.

    Attributes:
        balance: (brighter - darker) / (brighter + darker), sums over the pixels that depart from the background. Near 1
            for fluorescence, near -1 for stains; between them in transmitted light, where halos are bright and bodies
            dark. 0 if nothing departs.
        colour: share of the departure of these pixels that is one of colour and not of brightness; 0 in grey images.
        edge: median slope along the outline of these pixels, over the slope that a tenth of all pixels exceed. Near 1
            or above if the outline is that of cells; far below if it is a contour of uneven illumination.
        gain: mean departure of these pixels over the brightness of the background. Above 1 where cells emit light.
    """

    balance: float
    colour: float
    edge: float
    gain: float

    @property
    def coloured(self) -> bool:
        """Whether cells have another colour than the background, by a stain."""
        return self.colour > _COLOURED

    @property
    def one_sided(self) -> bool:
        """Whether all cells are brighter, or all darker, than the background: by a fluorescent dye or a stain."""
        return abs(self.balance) > _ONE_SIDED and self.edge > _OUTLINED

    @property
    def dyed(self) -> bool:
        """Whether cells are fluorescent or stained."""
        return self.coloured or self.one_sided


def measure_tone(image: Image) -> Tone:
    """Tone of an image.

    Args:
        image: grey or RGB image, shape (H, W) or (H, W, 3), uint8.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    factor = min(1.0, _SIDE / max(image.shape[:2]))
    size = [max(1, round(length * factor)) for length in image.shape[1::-1]]
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    found = departure(small, _SMOOTHING, _SIDE / 5)
    strong = found.distance > otsu(found.distance)
    light = found.light[strong]
    total = float(np.abs(light).sum())
    if not total:
        return Tone(0, 0, 0, 0)
    slope = magnitude(*derivatives(cv2.GaussianBlur(grey(small).astype(np.float32), (0, 0), _SMOOTHING)))
    outline = cv2.morphologyEx(strong.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    edge = float(np.median(slope[outline])) / max(float(np.percentile(slope, 90)), 1e-3)
    ground = float(np.median((grey(small) - found.light)[~strong]))
    whole = float(found.distance[strong].sum())
    colour = 1 - float(np.sqrt(found.channels)) * total / whole
    return Tone(float(light.sum()) / total, colour, edge, total / len(light) / max(ground, 1))
