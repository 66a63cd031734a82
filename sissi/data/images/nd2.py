"""ND2, the format of Nikon's microscopes, by the package nd2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sissi.data.images.arrays import pick
from sissi.data.images.stack import COLOURS, Stack
from sissi.errors import DataError


@contextmanager
def open_nd2(path: Path, *, colours: bool) -> Iterator[Stack]:
    """An ND2 file as planes and channels.

    Args:
        path: of the file.
        colours: does not matter, as there are no palettes.

    Raises:
        DataError: the package nd2 is missing.
    """
    try:
        import nd2
    except ImportError as error:
        raise DataError(f"{path}: is an ND2 file, which takes the package nd2: pip install 'sissi[nd2]'") from error
    with nd2.ND2File(path) as file:
        sizes = dict(file.sizes)
        samples, apart = sizes.get("S", 1), sizes.get("C", 1)
        axes = {axis: size for axis, size in sizes.items() if axis not in "CYXS"}

        def read(plane: int, channels: Sequence[int]) -> npt.NDArray[Any]:
            frame = np.asarray(file.read_frame(plane))
            frame = frame.reshape((apart, sizes["Y"], sizes["X"], samples))  # those of size 1 are left out of it
            return pick(np.moveaxis(frame, 0, 2).reshape((sizes["Y"], sizes["X"], apart * samples)), channels)

        total = apart * samples
        shown = min(COLOURS, total) if not axes or samples >= COLOURS else 1
        yield Stack(path, sizes["Y"], sizes["X"], axes, total, shown, read)
