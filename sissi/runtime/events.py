"""What a process records while it works: typed, immutable events, on their way from a stage to MLflow.

An event is written down as its name and its fields, in order; the names lie on users' disks and do not change. Large
content travels as the path of a file: a `Journal` writes it to one, see there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Status = Literal["FINISHED", "FAILED", "KILLED"]
"""How a run of MLflow ends."""


@dataclass(frozen=True)
class Params:
    """Parameters of a run: texts as they are, everything else as JSON."""

    values: Mapping[str, Any]


@dataclass(frozen=True)
class Tags:
    """Tags of a run: texts that may change, such as its description."""

    values: Mapping[str, str]


@dataclass(frozen=True)
class Metrics:
    """Numbers of an epoch; a slash in a key groups it. `at` is in ms since 1970; None: when it is written down."""

    values: Mapping[str, float]
    step: int = 0
    at: int | None = None


@dataclass(frozen=True)
class Picture:
    """A (H, W, 3) uint8 RGB picture of an epoch, or the PNG file of one."""

    key: str
    image: npt.NDArray[np.uint8] | Path
    step: int = 0


@dataclass(frozen=True)
class Text:
    """A text artifact under a path such as `experiment.yaml`."""

    text: str
    path: str


@dataclass(frozen=True)
class Json:
    """An artifact of plain data under a path that ends in `.json`; a journal makes a `File` of it."""

    content: Any
    path: str


@dataclass(frozen=True)
class Table:
    """A table, a sequence of equal length for each column, under a path that ends in `.json`."""

    columns: Mapping[str, Sequence[Any]]
    path: str


@dataclass(frozen=True)
class File:
    """A file that is kept as an artifact in a folder."""

    path: Path
    folder: str = ""


@dataclass(frozen=True)
class Dataset:
    """Data that a run used.

    Attributes:
        name: such as target_train.
        digest: of its content.
        source: where it is: a path or an address.
        role: what for, such as training, validation or test.
        profile: its numbers, such as images and boxes; JSON values.
    """

    name: str
    digest: str
    source: str
    role: str
    profile: Mapping[str, Any]


@dataclass(frozen=True)
class Model:
    """The file of a trained detector, kept as a model that MLflow serves."""

    path: Path
    name: str = "model"
    step: int = 0


@dataclass(frozen=True)
class End:
    """How a run ended, and when (in ms since 1970)."""

    status: Status
    at: int | None = None


@dataclass(frozen=True)
class Resume:
    """A run that had ended, or whose process is gone, goes on."""


@dataclass(frozen=True)
class Progress:
    """Where a stage is: epoch of epochs, what it does, the fraction of that, and in training the mean loss so far."""

    epoch: int
    epochs: int
    doing: str
    fraction: float
    loss: float | None = None


@dataclass(frozen=True)
class Notice:
    """A sentence for the user, to be shown now."""

    text: str


Lasting = Params | Tags | Metrics | Picture | Text | Json | Table | File | Dataset | Model | End | Resume
"""What is written down and reaches MLflow."""
Event = Lasting | Progress | Notice

NAMES: dict[str, type[Lasting]] = {
    "params": Params,
    "tags": Tags,
    "metrics": Metrics,
    "image": Picture,
    "text": Text,
    "json": Json,
    "table": Table,
    "file": File,
    "dataset": Dataset,
    "model": Model,
    "end": End,
    "resume": Resume,
}
"""The events by their names on disk."""
_NAME_OF = {kind: name for name, kind in NAMES.items()}


def name_and_fields(event: Lasting) -> tuple[str, list[Any]]:
    """The name of an event on disk, and its values in order."""
    return _NAME_OF[type(event)], [getattr(event, field.name) for field in fields(event)]
