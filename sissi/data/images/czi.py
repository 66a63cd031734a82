"""CZI, the format of Zeiss's microscopes, by the package pylibCZIrw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sissi.data.images.arrays import pick
from sissi.data.images.stack import COLOURS, Stack, joined
from sissi.errors import DataError


@contextmanager
def open_czi(path: Path, *, colours: bool) -> Iterator[Stack]:
    """A CZI file as planes and channels: of its first scene, if it has several.

    Args:
        path: of the file.
        colours: does not matter, as there are no palettes.

    Raises:
        DataError: the package pylibCZIrw is missing.
    """
    try:
        from pylibCZIrw import czi
    except ImportError as error:
        raise DataError(
            f"{path}: is a CZI file, which takes the package pylibCZIrw: pip install 'sissi[czi]'"
        ) from error
    with czi.open_czi(str(path)) as file:
        starts = {axis: (first, stop - first) for axis, (first, stop) in file.total_bounding_box.items()}
        apart = starts.get("C", (0, 1))[1]
        axes = {axis: size for axis, (_, size) in starts.items() if axis not in "CYX" and size > 1}
        scenes = file.scenes_bounding_rectangle
        scene = min(scenes, default=None)
        extent = file.total_bounding_rectangle if scene is None else scenes[scene]
        samples = COLOURS if "Bgr" in str(next(iter(file.pixel_types.values()), "")) else 1

        def one(plane: int, channel: int) -> npt.NDArray[Any]:
            places = np.unravel_index(plane, tuple(axes.values())) if axes else ()
            where = {axis: starts[axis][0] + int(place) for axis, place in zip(axes, places, strict=True)}
            where |= {"C": starts.get("C", (0, 1))[0] + channel}
            pixels = np.asarray(file.read(roi=extent, plane=where, scene=scene))
            return pixels[..., ::-1] if samples == COLOURS else pixels[..., 0]  # colours are stored from blue to red

        def read(plane: int, channels: Sequence[int]) -> npt.NDArray[Any]:
            found = {channel: one(plane, channel) for channel in {place // samples for place in channels}}
            if len(found) == 1:
                return pick(found[channels[0] // samples], [place % samples for place in channels])
            return joined([pick(found[place // samples], [place % samples]) for place in channels])

        shown = min(COLOURS, apart * samples) if not axes or samples == COLOURS else 1
        others = max(0, len(scenes) - 1)
        yield Stack(path, int(extent.h), int(extent.w), axes, apart * samples, shown, read, others)
