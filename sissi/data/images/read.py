"""Image files of any common sort as 8-bit RGB, or as the numbers that they store.

PNG, JPEG, BMP, WebP and TIFF are recognised by their content, ND2 and CZI by their suffix. EXIF rotation is applied, so
height and width are those of the image as it is seen; labels are expected in its pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import UnidentifiedImageError

from sissi.config import ImageReading
from sissi.data.images import czi, nd2
from sissi.data.images.folder import leads_nowhere
from sissi.data.images.pillow import open_pillow
from sissi.data.images.stack import Stack, left_out, read_stack
from sissi.data.images.stretch import stretch
from sissi.data.images.tiff import is_tiff, open_tiff
from sissi.errors import DataError

MOST_PIXELS = 2**30
"""Largest image that is decoded, in px: a whole scan of 20,000 x 20,000 px passes, a decompression bomb does not."""
FIRST = ImageReading()
"""No settings: the first plane, and of its channels the first three."""

_ADVICE = "replace the file, or take it out of the folder"

RGB = npt.NDArray[np.uint8]
Values = npt.NDArray[Any]


def read_image(path: Path, reading: ImageReading = FIRST) -> RGB:
    """The image as (H, W, 3) uint8 RGB; an array of its own, in C order.

    Grey is repeated over the three channels, palettes and CMYK are converted, alpha is dropped without blending.
    Images with more than 8 bits a channel (16-bit, 32-bit, float) are stretched linearly, all channels alike, so that
    the 0.1 and 99.9 percentiles of the image become 0 and 255 (minimum and maximum where these two are equal; a
    constant image is black); NaN becomes 0. 8-bit images keep their values.

    Args:
        path: of the file.
        reading: planes and channels that are the image.

    Raises:
        DataError: the file is missing, empty, truncated, damaged, too large or no image, or lacks a plane, a channel
            or a codec; names the file.
    """
    with _opened(path, colours=True) as stack:
        _refuse_huge(stack)
        return _as_rgb(read_stack(stack, reading))


def read_values(path: Path) -> Values:
    """The numbers that the file stores, unscaled, as (H, W) or (H, W, 3): what a mask needs.

    A palette image gives its indices. EXIF rotation is applied.

    Raises:
        DataError: as `read_image`.
    """
    with _opened(path, colours=False) as stack:
        _refuse_huge(stack)
        return read_stack(stack, FIRST)


def image_size(path: Path) -> tuple[int, int]:
    """Height and width in px of the image as it is seen, from the header alone.

    Raises:
        DataError: the file is missing, empty or no image; names the file.
    """
    with _opened(path, colours=True) as stack:
        return stack.height, stack.width


def unread_parts(path: Path, reading: ImageReading = FIRST) -> str:
    """Planes and channels that are left out of an image without a setting that says so, in words; from the header.

    Raises:
        DataError: as `image_size`.
    """
    with _opened(path, colours=True) as stack:
        return left_out(stack, reading)


@contextmanager
def _opened(path: Path, *, colours: bool) -> Iterator[Stack]:
    """The file as planes and channels; whatever goes wrong with it becomes one DataError that names it."""
    try:
        if leads_nowhere(path):
            raise DataError(f"{path}: is a symbolic link that leads nowhere, or in a circle; {_ADVICE}")
        if path.is_file() and path.stat().st_size == 0:
            raise DataError(f"{path}: is empty (0 bytes); {_ADVICE}")
        opener = _OPENERS.get(path.suffix.lower()) or (open_tiff if is_tiff(path) else open_pillow)
        with opener(path, colours=colours) as stack:
            yield stack
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such image file") from error
    except (PermissionError, IsADirectoryError) as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror}); {_ADVICE}") from error
    except UnidentifiedImageError as error:
        raise DataError(f"{path}: is not a PNG, JPEG, TIFF, BMP or WebP image; {_ADVICE}") from error
    except MemoryError as error:
        raise DataError(f"{path}: does not fit into memory; cut the image into tiles") from error
    except Exception as error:  # decoders raise whatever their parsers trip over: struct, zlib, key, index errors
        raise DataError(f"{path}: cannot be read as an image: {error}; is it cut off or damaged? {_ADVICE}") from error


_OPENERS = {".nd2": nd2.open_nd2, ".czi": czi.open_czi}


def _refuse_huge(stack: Stack) -> None:
    if stack.width * stack.height > MOST_PIXELS:
        size = f"{stack.width} x {stack.height} px"
        raise DataError(f"{stack.path}: has {size}, more than {MOST_PIXELS:,}; cut the image into tiles")


def _as_rgb(values: Values) -> RGB:
    """(H, W) or (H, W, C) of any real type as (H, W, 3) uint8; of 2 or 4 channels the last is alpha."""
    channels = values[..., None] if values.ndim == 2 else values
    channels = channels[..., :3] if channels.shape[2] >= 3 else channels[..., :1]
    if channels.dtype == np.bool_:
        channels = channels.astype(np.uint8) * np.uint8(255)
    elif channels.dtype != np.uint8:
        channels = stretch(channels)
    return np.array(np.broadcast_to(channels, (*channels.shape[:2], 3)), dtype=np.uint8, order="C")
