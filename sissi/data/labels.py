"""Label files of any format, read as cleaned boxes of the images that they belong to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from sissi.boxes import Boxes
from sissi.config import LabelFiles
from sissi.data.cleaning import clean
from sissi.data.find import require_path
from sissi.data.formats import FORMATS
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE, last_stem
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError


def read_labels(
    source: LabelFiles,
    folder: Path,
    samples: Sequence[Sample],
    problems: Problems,
    key: str,
    *,
    others: Collection[str] | None = (),
) -> dict[str, Boxes]:
    """Cleaned boxes by image name, of the samples that have labels.

    Args:
        source: the label files.
        folder: where their relative path starts.
        samples: whose labels are wanted; their own boxes do not matter.
        problems: takes what was dropped or cut.
        key: of the settings, for messages.
        others: further images, whose labels are no problem; None: those of any other image are none.

    Raises:
        DataError: the labels are missing or cannot be used.
    """
    path = require_path(folder, source.labels, f"{key}.labels")
    found = Problems(strict=problems.strict)
    expected = {last_stem(name) for name in others or ()}
    try:
        raw = FORMATS[source.format].read(path, {sample.name: sample.path for sample in samples}, source.classes, found)
    except DataError as error:
        raise DataError(f"{key}: {error}") from error
    for problem in found.found:
        orphan = problem.kind == LABELS_WITHOUT_IMAGE
        if not orphan or (others is not None and last_stem(problem.detail or problem.file.name) not in expected):
            problems.found.append(problem)
    return {sample.name: clean(raw[sample.name], sample, key, problems) for sample in samples if sample.name in raw}


def refuse_none(labels: Mapping[str, Boxes], source: LabelFiles, folder: Path, key: str) -> None:
    """Refuse label files that have labels of none of the images.

    Raises:
        DataError: `labels` is empty.
    """
    if not labels:
        raise DataError(
            f"{key}: no image has labels of the format {source.format} in {folder / source.labels}; "
            f"label files carry the names of their images: set {key}.images, .labels or .format"
        )
