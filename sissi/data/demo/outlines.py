"""Shapes of cells: closed outlines, and how deep each pixel lies inside one."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Outline = npt.NDArray[np.float64]
"""(P, 2) float64, x and y in px around the cell's centre."""

_POINTS = 72
_FINE = 3
"""Sub-pixels along a pixel's side."""


def disc(rng: np.random.Generator, diameter: tuple[float, float]) -> Outline:
    """A nearly round outline with its diameter from an interval in px: a dead cell."""
    return _turn(_ring(rng, diameter, squeeze=(0.78, 1.0), lobes=0.02), rng)


def lobed(rng: np.random.Generator, diameter: tuple[float, float]) -> Outline:
    """An irregular outline with lobes, its mean diameter from an interval in px: an inhibited cell."""
    return _turn(_ring(rng, diameter, squeeze=(0.65, 1.0), lobes=0.12), rng)


def blob(rng: np.random.Generator, diameter: tuple[float, float]) -> Outline:
    """A smooth oval, its longer diameter from an interval in px: cells and nuclei of the source domain."""
    return _turn(_ring(rng, diameter, squeeze=(0.6, 1.0), lobes=0.05), rng)


def spindle(rng: np.random.Generator, length: tuple[float, float], width: tuple[float, float]) -> Outline:
    """A bent, pointed outline with length and width from intervals in px: a living fibroblast."""
    half_length, half_width = rng.uniform(*length) / 2, rng.uniform(*width) / 2
    along = np.cos(np.linspace(0, 2 * np.pi, _POINTS, endpoint=False))
    side = np.sign(np.sin(np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)))
    belly = (1 - along**2) ** rng.uniform(0.8, 1.8) * (1 + rng.uniform(-0.5, 0.5) * along)
    bend = rng.uniform(-0.25, 0.25) * half_length
    return _turn(np.stack([half_length * along, side * half_width * belly + bend * along**2], axis=1), rng)


def depth(outline: Outline, centre: tuple[float, float], shape: tuple[int, int]) -> Floats:
    """Signed distance of each pixel of an image (H, W) to an outline set at `centre`: float32 px, positive inside."""
    canvas = np.zeros((shape[0] * _FINE, shape[1] * _FINE), np.uint8)
    points = np.round((outline + np.array(centre)) * _FINE - 0.5).astype(np.int32)
    cv2.fillPoly(canvas, [points], 1)
    inside = cv2.distanceTransform(canvas, cv2.DIST_L2, cv2.DIST_MASK_5)
    outside = cv2.distanceTransform(1 - canvas, cv2.DIST_L2, cv2.DIST_MASK_5)
    signed: Floats = cv2.resize((inside - outside) / _FINE, shape[::-1], interpolation=cv2.INTER_AREA)
    return signed


def _ring(
    rng: np.random.Generator, diameter: tuple[float, float], squeeze: tuple[float, float], lobes: float
) -> Outline:
    """An oval whose radius swings by about the fraction `lobes` around it."""
    angles = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)
    waves = np.arange(2, 7)
    # slow waves swing more than fast ones, as membranes do
    strength = rng.normal(0, lobes, len(waves)) * 3 / waves
    swing = np.cos(np.outer(angles, waves) + rng.uniform(0, 2 * np.pi, len(waves))) @ strength
    radius = rng.uniform(*diameter) / 2 * np.clip(1 + swing, 0.6, 1.4)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles) * rng.uniform(*squeeze)], axis=1)


def _turn(outline: Outline, rng: np.random.Generator) -> Outline:
    """The outline at a random angle."""
    angle = rng.uniform(0, 2 * np.pi)
    cosine, sine = np.cos(angle), np.sin(angle)
    turned: Outline = outline @ np.array([[cosine, sine], [-sine, cosine]])
    return turned
