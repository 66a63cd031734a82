"""Options that say which planes and channels of an image file are the image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sissi.errors import SissiError

if TYPE_CHECKING:  # --help imports nothing heavy
    from sissi.config import ImageReading

Plane = Annotated[
    int | None, typer.Option(min=1, help="Plane of a stack, counted from 1 over depth and time; without it the first.")
]
Projection = Annotated[
    Literal["max"] | None, typer.Option(help="max: the brightest value over the planes, instead of one plane.")
]
Channels = Annotated[
    str | None, typer.Option(metavar="N[,N[,N]]", help="Channels as red, green and blue, counted from 1; one is grey.")
]


def image_reading(plane: int | None, projection: Literal["max"] | None, channels: str | None) -> ImageReading:
    """The settings that the options give.

    Raises:
        SissiError: the channels are no numbers from 1, or a plane and a projection are asked for.
    """
    from sissi.config import ImageReading

    if channels is not None and not re.fullmatch(r"[1-9]\d*(,[1-9]\d*){0,2}", channels):
        raise SissiError(f"--channels {channels}: give one to three numbers from 1, such as 4 or 3,1,2")
    if plane is not None and projection is not None:
        raise SissiError("--plane reads one plane and --projection all of them; give one of the two")
    numbers = None if channels is None else tuple(map(int, channels.split(",")))
    return ImageReading(plane=plane, projection=projection, channels=numbers)
