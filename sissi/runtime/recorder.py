"""What a stage of an ablation tells the outside while it works; it does not know who listens."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sissi.runtime.journal import Journal


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

    def file(self, local_path: Path, folder: str) -> None:
        """A file to be kept as an artifact in a folder."""

    def progress(self, epoch: int, epochs: int, doing: str, fraction: float, loss: float | None) -> None:
        """Where the stage is: epoch of epochs, and which fraction of this one."""

    def say(self, text: str) -> None:
        """Something that the user should know now."""


class Kept:
    """A recorder that also writes down what lasts, so that it can be said again; see `journal`.

    Progress passes by.
    """

    def __init__(self, journal: Journal, record: Recorder) -> None:
        self.journal = journal
        self.record = record

    def say_again(self, end: int | None = None) -> None:
        """Repeat what was written down, up to a position."""
        for method, arguments in itertools.islice(self.journal.calls(), end):
            getattr(self.record, method)(*arguments)

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """See `Recorder`."""
        self._keep("metrics", dict(values), step)

    def image(self, key: str, image: npt.NDArray[np.uint8], step: int) -> None:
        """See `Recorder`."""
        self._keep("image", key, image, step)

    def json(self, content: Any, path: str) -> None:
        """See `Recorder`."""
        self._keep("json", content, path)

    def file(self, local_path: Path, folder: str) -> None:
        """See `Recorder`."""
        self._keep("file", local_path, folder)

    def progress(self, epoch: int, epochs: int, doing: str, fraction: float, loss: float | None) -> None:
        """See `Recorder`."""
        self.record.progress(epoch, epochs, doing, fraction, loss)

    def say(self, text: str) -> None:
        """See `Recorder`."""
        self.record.say(text)

    def _keep(self, method: str, *arguments: Any) -> None:
        self.journal.append(method, arguments)
        getattr(self.record, method)(*arguments)


def progress_of(record: Recorder, epoch: int, epochs: int, doing: str) -> Progress:
    """A part of an epoch tells this how far it is."""
    return lambda fraction, loss=None: record.progress(epoch, epochs, doing, fraction, loss)
