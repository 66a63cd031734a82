"""Images turned as they are seen, and channels picked out of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

ORIENTATION = 274
"""The tag that says how to turn, in TIFF as in EXIF."""
Values = npt.NDArray[Any]


def upright(values: Values, orientation: int) -> Values:
    """(H, W, ...) pixels turned as an EXIF orientation from 1 to 8 asks; any other number changes nothing."""
    if orientation in (2, 3):
        values = values[:, ::-1]
    if orientation in (3, 4):
        values = values[::-1]
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (6, 7):
        values = values[:, ::-1]
    if orientation in (7, 8):
        values = values[::-1]
    return values


def pick(values: Values, channels: Sequence[int]) -> Values:
    """Some channels of (H, W) or (H, W, C) pixels, by their places from 0: (H, W) of one, else (H, W, channels)."""
    if values.ndim == 2:
        return values if len(channels) == 1 else np.stack([values] * len(channels), axis=-1)
    if len(channels) == 1:
        return values[..., channels[0]]
    return values if list(channels) == list(range(values.shape[2])) else values[..., list(channels)]
