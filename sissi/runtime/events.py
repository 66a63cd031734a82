"""Events that a process records while it works: typed, immutable, and passed from a stage to MLflow.

An event is stored as its name and its fields, in order. The names are part of files on users' disks and do not change.
Large content is passed as the path of a file, which a `Journal` writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Status = Literal["FINISHED", "FAILED", "KILLED"]
"""Final status of an MLflow run."""


@dataclass(frozen=True)
class Params:
    """Parameters of a run: texts unchanged, all other values as JSON."""

    values: Mapping[str, Any]


@dataclass(frozen=True)
class Tags:
    """Tags of a run: texts that may change, such as its description."""

    values: Mapping[str, str]


@dataclass(frozen=True)
class ExperimentTags:
    """Tags of the MLflow experiment of a run, such as a saved view of its page."""

    values: Mapping[str, str]


@dataclass(frozen=True)
class Metrics:
    """Metrics of an epoch.

    Attributes:
        values: metric values by key; a slash in a key separates the group from the name.
        step: number of the epoch.
        at: time in ms since 1970; None: the time of writing.
    """

    values: Mapping[str, float]
    step: int = 0
    at: int | None = None


@dataclass(frozen=True)
class Picture:
    """Picture of an epoch.

    Attributes:
        key: name of the picture.
        image: RGB image, shape (H, W, 3), uint8, or the path of its PNG file.
        step: number of the epoch.
    """

    key: str
    image: npt.NDArray[np.uint8] | Path
    step: int = 0


@dataclass(frozen=True)
class Text:
    """Text artifact under a path such as `experiment.yaml`."""

    text: str
    path: str


@dataclass(frozen=True)
class Json:
    """JSON artifact under a path that ends in `.json`; a journal converts it to a `File`."""

    content: Any
    path: str


@dataclass(frozen=True)
class Table:
    """Table with one sequence of equal length per column, under a path that ends in `.json`."""

    columns: Mapping[str, Sequence[Any]]
    path: str


@dataclass(frozen=True)
class File:
    """File that is stored as an artifact in a folder."""

    path: Path
    folder: str = ""


@dataclass(frozen=True)
class Dataset:
    """Data set that a run used.

    Attributes:
        name: name of the data set, such as target_train.
        digest: digest of its content.
        source: location: a path or an address.
        role: purpose, such as training, validation or test.
        profile: statistics, such as numbers of images and boxes; JSON values.
    """

    name: str
    digest: str
    source: str
    role: str
    profile: Mapping[str, Any]


@dataclass(frozen=True)
class Model:
    """File of a trained detector, stored as a model that MLflow serves."""

    path: Path
    name: str = "model"
    step: int = 0


@dataclass(frozen=True)
class End:
    """Final status of a run, and the time of its end in ms since 1970."""

    status: Status
    at: int | None = None


@dataclass(frozen=True)
class Resume:
    """Continuation of a run that had ended or whose process was killed."""


@dataclass(frozen=True)
class Progress:
    """Progress of a stage.

    Attributes:
        epoch: number of the current epoch.
        epochs: number of all epochs.
        doing: current activity, such as training.
        fraction: finished fraction of the activity, in [0, 1].
        loss: mean loss so far; None outside of training.
    """

    epoch: int
    epochs: int
    doing: str
    fraction: float
    loss: float | None = None


@dataclass(frozen=True)
class Notice:
    """Sentence that is shown to the user immediately."""

    text: str


@dataclass(frozen=True)
class Part:
    """Part of the result of a job, for the process that runs the job alone; any value that can be pickled."""

    value: Any


Lasting = (
    Params | Tags | ExperimentTags | Metrics | Picture | Text | Json | Table | File | Dataset | Model | End | Resume
)
"""Events that are stored and sent to MLflow."""
Passing = Progress | Notice | Part
"""Events that are only received."""
Event = Lasting | Passing

NAMES: dict[str, type[Lasting]] = {
    "params": Params,
    "tags": Tags,
    "experiment_tags": ExperimentTags,
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
"""Event types by their names on disk."""
_NAME_OF = {kind: name for name, kind in NAMES.items()}


def name_and_fields(event: Lasting) -> tuple[str, list[Any]]:
    """Name of an event on disk, and its values in order."""
    return _NAME_OF[type(event)], [getattr(event, field.name) for field in fields(event)]
