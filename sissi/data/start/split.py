"""Which images are trained on and which are set aside for testing, by what the readers have looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from sissi.boxes import Boxes
from sissi.config import LabelFiles
from sissi.data.labels import read_labels
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError

TEST_SHARE = 1 / 3
"""Largest share of the images that is set aside for testing."""


@dataclass(frozen=True)
class Split:
    """Images for training and for testing.

    Attributes:
        train: images for training.
        test: images for testing, which a reader has looked at; empty without readers.
        readers: boxes of the readers as settings, by name.
        referenced: the first reader that has also looked at images for training, for the ceiling; None: none has.
    """

    train: Sequence[Sample]
    test: Sequence[Sample] = ()
    readers: Mapping[str, LabelFiles] = field(default_factory=dict)
    referenced: str | None = None


def split_images(samples: Sequence[Sample], readers: Mapping[str, LabelFiles], problems: Problems) -> Split:
    """Set aside the images that readers have looked at, at most a third of all, evenly spread over their names.

    Args:
        samples: all images.
        readers: see `name_readers`.
        problems: takes what is wrong with the readers' files.

    Raises:
        DataError: a reader's file cannot be read or names none of the images, or nothing is left to train on.
    """
    if not readers:
        return Split(samples)
    seen = {name: _seen_by(name, source, samples, problems) for name, source in readers.items()}
    covered = [sample for sample in samples if any(sample.name in of_reader for of_reader in seen.values())]
    count = min(len(covered), ceil(TEST_SHARE * len(samples)))
    tested = [covered[index * len(covered) // count] for index in range(count)]
    names = {sample.name for sample in tested}
    train = [sample for sample in samples if sample.name not in names]
    if not train:
        raise DataError("--readers: the only image is one that they looked at; training needs another one")
    referenced = [name for name in readers if any(sample.name in seen[name] for sample in train)]
    return Split(train, tested, readers, referenced[0] if referenced else None)


def name_readers(paths: Sequence[Path], format: str, classes: Sequence[str]) -> dict[str, LabelFiles]:
    """The readers by the names of their files without suffix, as settings.

    Raises:
        DataError: there is no such file, or two have the same name.
    """
    named: dict[str, LabelFiles] = {}
    for path in paths:
        if not path.exists():
            raise DataError(f"--readers {path}: no such file or folder")
        name = re.sub(r"[^\w-]+", "_", path.stem)
        if name in named:
            raise DataError(f"--readers {path}: a second reader named {name}; rename the file to the person's name")
        named[name] = LabelFiles.model_validate({"format": format, "labels": path, "classes": classes or None})
    return named


def _seen_by(name: str, source: LabelFiles, samples: Sequence[Sample], problems: Problems) -> dict[str, Boxes]:
    found = read_labels(source, Path(), samples, problems, f"--readers {source.labels}", others=None)
    if not found:
        raise DataError(f"--readers {source.labels}: names none of the {len(samples)} images; it has their file names")
    return found
