"""What the images of a folder are, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sissi.data.images.read import read_values
from sissi.data.sample import Sample

LOOKED_AT = 8
"""Images whose stored numbers are read, evenly spread over all."""


def describe_images(samples: Sequence[Sample]) -> str:
    """Number, kind, depth, colour and size of images, such as `80 images: PNG, 8-bit grey, 512 x 512 px`."""
    chosen = np.unique(np.linspace(0, len(samples) - 1, LOOKED_AT).round().astype(int))
    values = [read_values(samples[index].path) for index in chosen]
    kinds = sorted({sample.path.suffix.lstrip(".").upper().replace("JPG", "JPEG") for sample in samples})
    depths = sorted({_depth(one) for one in values})
    count = f"{len(samples):,} image{'s' if len(samples) > 1 else ''}"
    return f"{count}: {' and '.join(kinds)}, {' and '.join(depths)}, {sizes(samples)}"


def sizes(samples: Sequence[Sample]) -> str:
    """Width and height of the images, or those of the smallest and of the largest."""
    found = sorted({(sample.width * sample.height, sample.width, sample.height) for sample in samples})
    first, last = (f"{width} x {height}" for _, width, height in (found[0], found[-1]))
    return f"{first} px" if len(found) == 1 else f"{first} to {last} px"


def _depth(values: npt.NDArray[np.generic]) -> str:
    """Bits and colours of an image, (H, W) or (H, W, channels)."""
    bits = "1-bit" if values.dtype == np.bool_ else f"{8 * values.dtype.itemsize}-bit"
    floats = " float" if values.dtype.kind == "f" else ""
    grey = values.ndim == 2 or all((values[..., 0] == values[..., one]).all() for one in range(1, values.shape[2]))
    return f"{bits}{floats} {'grey' if grey else 'colour'}"
