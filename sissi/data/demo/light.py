"""What a microscope adds to any picture: uneven light, texture, blur and noise."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from sissi.data.demo.outlines import Floats

Pixels = npt.NDArray[np.uint8]


def texture(rng: np.random.Generator, shape: tuple[int, int], grain: float) -> Floats:
    """Smooth noise (H, W) float32 with mean about 0 and standard deviation about 1; `grain` is its scale in px."""
    reach = 3 * int(np.ceil(grain))
    noise = rng.standard_normal((shape[0] + 2 * reach, shape[1] + 2 * reach)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), grain)[reach:-reach, reach:-reach]
    # a Gaussian of width sigma leaves white noise a standard deviation of 1 / (2 sigma sqrt(pi))
    result: Floats = smooth * np.float32(2 * grain * np.sqrt(np.pi))
    return result


def uneven_light(rng: np.random.Generator, shape: tuple[int, int], strength: float) -> Floats:
    """A slope and a bright spot across the image (H, W): float32 factors, most within 1 +- `strength`."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    slope = x * np.cos(angle) + y * np.sin(angle)
    spot = 1 - (x - rng.uniform(-0.5, 0.5)) ** 2 - (y - rng.uniform(-0.5, 0.5)) ** 2
    light: Floats = (1 + strength * (0.5 * slope + 0.35 * spot)).astype(np.float32)
    return light


def expose(rng: np.random.Generator, picture: Floats, blur: float, noise: float) -> Pixels:
    """A photograph of a picture (H, W) or (H, W, 3) float32 in grey levels: optics blur it, the sensor adds noise.

    Args:
        rng: of the noise.
        picture: grey levels, 0 to 255.
        blur: standard deviation of the point spread, in px.
        noise: standard deviation in grey levels at mid-grey; it grows with the root of the light.
    """
    sharp = cv2.GaussianBlur(picture, (0, 0), blur)
    grain = rng.standard_normal(picture.shape) * noise * np.sqrt(np.maximum(sharp, 8) / 128)
    pixels: Pixels = np.clip(np.round(sharp + grain), 0, 255).astype(np.uint8)
    return pixels
