"""8 bits of images that have more: 16-bit and float images, as cameras of microscopes give them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

PERCENTILES = (0.1, 99.9)
"""Of the values of an image: what becomes black and white."""

_SAMPLED = 2**22
"""Values that the percentiles of a large image are taken from, and that are stretched at a time."""

Bytes = npt.NDArray[np.uint8]
Values = npt.NDArray[Any]


def stretch(values: Values) -> Bytes:
    """(H, ...) numbers of any real type as uint8, linearly between their 0.1 and 99.9 percentiles; see `read_image`.

    Raises:
        ValueError: complex numbers, or not one finite number.
    """
    if np.iscomplexobj(values):
        raise ValueError("it holds complex numbers")
    low, high = _limits(values)
    result = np.zeros(values.shape, np.uint8)
    if high <= low:
        return result
    rows = max(1, _SAMPLED // max(1, values[0].size))  # in strips: a whole scan as floats would fill the memory
    with np.errstate(over="ignore", invalid="ignore"):
        for top in range(0, len(values), rows):
            strip = (values[top : top + rows].astype(np.float64) - low) / (high - low) * 255
            strip = np.nan_to_num(strip, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
            result[top : top + rows] = np.rint(np.clip(strip, 0, 255))
    return result


def _limits(values: Values) -> tuple[float, float]:
    """What becomes black and white; the percentiles of a large image are those of a regular sample."""
    flat = values.reshape(-1)
    sample = flat[:: max(1, flat.size // _SAMPLED)]
    sample = sample[np.isfinite(sample)]
    if sample.size:
        low, high = np.percentile(sample.astype(np.float64), PERCENTILES)
        if high > low:
            return float(low), float(high)
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        raise ValueError("it holds no finite number")
    return float(finite.min()), float(finite.max())
