"""What a stage of an ablation tells the outside while it works; it does not know who listens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

OnEpoch = Callable[[int, dict[str, float]], None]
"""Called after each epoch with its number and its mean losses."""


class Progress(Protocol):
    """Called with the fraction of a piece of work that is done and, in training, the mean loss so far."""

    def __call__(self, fraction: float, loss: float | None = None) -> None:
        """Note how far it is."""


class Recorder(Protocol):
    """Takes what a stage has to say; a run in MLflow, a progress display, or a test."""

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Numbers of an epoch; a slash in a key groups it."""

    def image(self, key: str, image: npt.NDArray[np.uint8], step: int) -> None:
        """A (H, W, 3) uint8 RGB picture of an epoch."""

    def json(self, content: Any, path: str) -> None:
        """An artifact of plain data."""

    def progress(self, epoch: int, epochs: int, doing: str, fraction: float, loss: float | None) -> None:
        """Where the stage is: epoch of epochs, and which fraction of this one."""


def progress_of(record: Recorder, epoch: int, epochs: int, doing: str) -> Progress:
    """A part of an epoch tells this how far it is."""
    return lambda fraction, loss=None: record.progress(epoch, epochs, doing, fraction, loss)
