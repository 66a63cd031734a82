"""Image files of several planes and channels: which of them become the image, and which are left out.

Planes are numbered from 1 in the order of the file, over depth, time and whatever else they differ in; channels too.
Without a setting the first plane is read and of its channels the first three, as red, green and blue; of a file with
several planes and with channels apart from each other the first channel alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sissi.config import ImageReading
from sissi.errors import DataError

Values = npt.NDArray[Any]
NAMES = {"Z": "depth", "T": "time", "P": "position", "S": "scene", "R": "scene", "I": "page", "Q": "page"}
"""Of the axes that planes can differ in, by the letters that file formats use."""
UNNAMED = ("I", "Q")
"""Axes of which a file does not say what they are."""
COLOURS = 3


@dataclass(frozen=True)
class Stack:
    """An image file, before its pixels are read.

    Attributes:
        path: of the file.
        height: of the image as it is seen, in px.
        width: of the image as it is seen, in px.
        axes: sizes of the axes that the planes differ in, slowest first, by their letters; empty for one plane.
        channels: of a plane, without alpha.
        shown: how many channels, from the first, are read without a setting.
        read: gives some channels (from 0) of a plane (from 0): (height, width) of one, else (height, width, channels),
            of the stored type.
        others: further images in the file, of which none is read.
    """

    path: Path
    height: int
    width: int
    axes: Mapping[str, int]
    channels: int
    shown: int
    read: Callable[[int, Sequence[int]], Values]
    others: int = 0

    @property
    def planes(self) -> int:
        """How many planes there are."""
        return prod(self.axes.values())


def read_stack(stack: Stack, reading: ImageReading) -> Values:
    """The image of a file: (H, W) of one channel, (H, W, 3) of two or three, of the stored type.

    Raises:
        DataError: there is no such plane or channel.
    """
    stack = _as_channels(stack, reading)
    planes, channels = _planes(stack, reading), _channels(stack, reading)
    found = stack.read(planes[0], channels)
    for plane in planes[1:]:
        found = np.maximum(found, stack.read(plane, channels))
    if len(channels) == 2:
        found = np.concatenate([found, np.zeros_like(found[..., :1])], axis=-1)
    return found


def left_out(stack: Stack, reading: ImageReading) -> str:
    """What of a file is not read and was not chosen by a setting, in words; empty for nothing."""
    stack = _as_channels(stack, reading)
    parts = []
    if stack.planes > 1 and reading.plane is None:
        sizes = {axis: size for axis, size in stack.axes.items() if size > 1}
        if reading.projection is not None:
            sizes = {axis: size for axis, size in sizes.items() if axis not in _projected(stack)}
        if len(sizes) == 1:
            parts += [f"{_name(axis)} 1 of {size}" for axis, size in sizes.items()]
        elif sizes:
            named = " x ".join(f"{_name(axis)} {size}" for axis, size in sizes.items())
            parts.append(f"plane 1 of {prod(sizes.values())} ({named})")
    if reading.channels is None and stack.shown < stack.channels:
        first = "channel 1" if stack.shown == 1 else f"channels 1 to {stack.shown}"
        parts.append(f"{first} of {stack.channels}")
    if stack.others:
        parts.append(f"image 1 of {stack.others + 1} in the file")
    return f"read: {', '.join(parts)}" if parts else ""


def joined(channels: Sequence[Values]) -> Values:
    """Channels of (H, W) each as one array: itself of one, else (H, W, channels)."""
    return channels[0] if len(channels) == 1 else np.stack(channels, axis=-1)


def _name(axis: str) -> str:
    return NAMES.get(axis, f"axis {axis}")


def _as_channels(stack: Stack, reading: ImageReading) -> Stack:
    """The stack with its pages as channels, where channels are asked for and the file does not say what pages are."""
    pages = [axis for axis, size in stack.axes.items() if size > 1]
    unsaid = len(pages) == 1 and pages[0] in UNNAMED and stack.channels == 1
    if not unsaid or reading.channels is None or reading.plane is not None or reading.projection is not None:
        return stack
    return Stack(
        stack.path,
        stack.height,
        stack.width,
        {},
        stack.planes,
        1,
        lambda plane, channels: joined([stack.read(channel, [0]) for channel in channels]),
        stack.others,
    )


def _projected(stack: Stack) -> tuple[str, ...]:
    """The axes that a projection goes over: depth, or where there is none all."""
    return ("Z",) if stack.axes.get("Z", 1) > 1 else tuple(stack.axes)


def _planes(stack: Stack, reading: ImageReading) -> list[int]:
    """The planes that are read, from 0."""
    if reading.projection is not None:
        numbers = np.arange(stack.planes).reshape(tuple(stack.axes.values()))
        over = _projected(stack)
        chosen: list[int] = numbers[tuple(slice(None) if axis in over else 0 for axis in stack.axes)].ravel().tolist()
        return chosen
    plane = reading.plane or 1
    if plane > stack.planes:
        raise DataError(f"{stack.path}: has {stack.planes} planes, no plane {plane}; set plane to a number up to that")
    return [plane - 1]


def _channels(stack: Stack, reading: ImageReading) -> list[int]:
    """The channels that are read, from 0."""
    if reading.channels is None:
        return list(range(stack.shown))
    missing = [channel for channel in reading.channels if channel > stack.channels]
    if missing:
        raise DataError(
            f"{stack.path}: has {stack.channels} channels, no channel {missing[0]}; set channels to numbers up to that"
        )
    return [channel - 1 for channel in reading.channels]
