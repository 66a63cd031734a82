"""How cells in each of the three states, and debris, look under phase contrast: stamps of light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from sissi.data.demo.light import texture
from sissi.data.demo.outlines import Floats, Outline, depth, disc, lobed, spindle

Kind = Literal["alive", "inhib", "dead"]
STAMP = 64
"""Side of a stamp in px; no cell is larger."""

_FOCUS = (0.3, 1.1)
"""Blur of a cell in focus and of one far out of it: standard deviation in px."""


@dataclass(frozen=True, eq=False)
class Stamp:
    """One cell or speck, to be added to an image.

    Attributes:
        light: (STAMP, STAMP) float32, what it adds to the background, 1 being its full contrast.
        body: (STAMP, STAMP) bool, what a person would put a box around: with halo and ring.
    """

    light: Floats
    body: npt.NDArray[np.bool_]


def draw_cell(rng: np.random.Generator, kind: Kind) -> Stamp:
    """A cell of a kind: alive (spindle), inhib (lobed) or dead (disc)."""
    stamp = {"alive": _alive, "inhib": _inhibited, "dead": _dead}[kind](rng)
    # cells lie at different heights, so some are out of focus
    blur = rng.uniform(*_FOCUS)
    return Stamp(cv2.GaussianBlur(stamp.light, (0, 0), blur), stamp.body)


def draw_debris(rng: np.random.Generator) -> Stamp:
    """A speck that is no cell: a bright or dark grain of 2 to 7 px with a fringe."""
    inside = _depth(rng, disc(rng, (1.5, 7.0)))
    sign = rng.choice([-0.8, 1.0])
    light = sign * (_step(inside, 0.4) - 0.4 * _ridge(inside, -1.2, 0.7))
    return Stamp(light.astype(np.float32), inside > -1.0)


def _alive(rng: np.random.Generator) -> Stamp:
    """A grey, granular body with a nucleus inside a bright halo that is stronger on one side."""
    inside = _depth(rng, spindle(rng, length=(20, 33), width=(6.5, 11.5)))
    halo = _ridge(inside, -0.7, 1.2) * _one_sided(rng, 0.5)
    granules = 0.22 * texture(rng, inside.shape, 0.9)
    body = _step(inside - 1.2) * (rng.uniform(-0.3, 0.2) + granules)
    nucleus = 0.4 * _step(inside - 0.65 * inside.max())
    fringe = -0.2 * _ridge(inside, -3.6, 1.2)
    return Stamp((halo + body + nucleus + fringe).astype(np.float32), inside > -2.2)


def _inhibited(rng: np.random.Generator) -> Stamp:
    """A granular, lobed body with a rim that comes and goes."""
    inside = _depth(rng, lobed(rng, (13, 25)))
    granules = 0.42 * texture(rng, inside.shape, 1.1) + 0.25 * texture(rng, inside.shape, 2.5)
    body = _step(inside - 0.5) * (rng.uniform(-0.25, 0.2) + granules)
    rim = 0.5 * _ridge(inside, 0.0, 1.0) * _one_sided(rng, 0.8)
    fringe = -0.15 * _ridge(inside, -2.5, 1.2)
    return Stamp((body + rim + fringe).astype(np.float32), inside > -1.2)


def _dead(rng: np.random.Generator) -> Stamp:
    """A bright round disc with a dark ring and a faint halo."""
    inside = _depth(rng, disc(rng, (9, 22)))
    dome = np.clip(inside / inside.max(), 0, 1)
    disc_light = _step(inside - 1.2) * (rng.uniform(0.4, 0.8) + 0.25 * dome + 0.1 * texture(rng, inside.shape, 1.5))
    ring = -0.75 * _ridge(inside, -0.2, 1.0) * _one_sided(rng, 0.4)
    halo = 0.3 * _ridge(inside, -2.8, 1.1) * _one_sided(rng, 0.5)
    return Stamp((disc_light + ring + halo).astype(np.float32), inside > -2.2)


def _depth(rng: np.random.Generator, outline: Outline) -> Floats:
    centre = STAMP / 2 + rng.uniform(-0.5, 0.5, 2)
    return depth(outline, (float(centre[0]), float(centre[1])), (STAMP, STAMP))


def _step(inside: Floats, softness: float = 0.5) -> Floats:
    """1 inside, 0 outside, with a soft edge."""
    step: Floats = 1 / (1 + np.exp(np.clip(-inside / softness, -60, 60)))
    return step


def _ridge(inside: Floats, at: float, width: float) -> Floats:
    """A line of light along the outline, `at` px inside it."""
    ridge: Floats = np.exp(-0.5 * ((inside - at) / width) ** 2)
    return ridge


def _one_sided(rng: np.random.Generator, strength: float) -> Floats:
    """Factors (STAMP, STAMP) around 1 that are larger on one side of a cell."""
    y, x = np.mgrid[-1 : 1 : STAMP * 1j, -1 : 1 : STAMP * 1j]
    turned = np.arctan2(y, x) - rng.uniform(0, 2 * np.pi)
    factors: Floats = (1 + strength * np.cos(turned)).astype(np.float32)
    return factors
