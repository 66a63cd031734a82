"""Label files of any format, read as cleaned boxes of the images that they belong to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from sissi.boxes import Boxes
from sissi.config import LabelFiles
from sissi.config.classes import ONE_CLASS, Meaning
from sissi.data.classes import LEFT_OUT, label_classes
from sissi.data.cleaning import clean
from sissi.data.find import require_path
from sissi.data.formats import FORMATS
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE, last_stem
from sissi.data.problems import Problem, Problems
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
    classes: Meaning = ONE_CLASS,
    ignored: tuple[str, ...] | None = None,
) -> dict[str, Boxes]:
    """Cleaned boxes by image name, of the samples that have labels.

    Args:
        source: the label files.
        folder: where their relative path starts.
        samples: whose labels are wanted; their own boxes do not matter.
        problems: takes what was dropped or cut.
        key: of the settings, for messages.
        others: further images, whose labels are no problem; None: those of any other image are none.
        classes: of the experiment; empty: every label is a cell.
        ignored: names of regions that nobody annotated; these, and crowd regions of COCO, are among the boxes with the
            label `IGNORE`. None: there are none among the boxes.

    Raises:
        DataError: the labels are missing or cannot be used, or there are labels, but not one is left.
    """
    path = require_path(folder, source.labels, f"{key}.labels")
    found = Problems(strict=problems.strict)
    expected = {last_stem(name) for name in others or ()}
    images = {sample.name: sample.path for sample in samples}
    try:
        meaning = label_classes(classes, source.classes, source.cell_size, ignored)
        raw = FORMATS[source.format].read(path, images, meaning, found)
    except DataError as error:
        raise DataError(f"{key}: {error}") from error
    for problem in found.found:
        orphan = problem.kind == LABELS_WITHOUT_IMAGE
        if not orphan or (others is not None and last_stem(problem.detail or problem.file.name) not in expected):
            problems.found.append(problem)
    cleaning = Problems()
    labels = {sample.name: clean(raw[sample.name], sample, key, cleaning) for sample in samples if sample.name in raw}
    problems.found += cleaning.found
    if not any(map(len, labels.values())):
        _refuse_nothing_left(source, path, images, [*found.found, *cleaning.found], key)
    return labels


def refuse_none(
    labels: Mapping[str, Boxes],
    source: LabelFiles,
    folder: Path,
    samples: Sequence[Sample],
    problems: Problems,
    key: str,
) -> None:
    """Refuse label files that have labels of none of the images.

    Raises:
        DataError: `labels` is empty.
    """
    if labels:
        return
    path = folder / source.labels
    about = [problem for problem in problems.found if problem.file == path or path in problem.file.parents]
    sought = f"; looked for {sought_name(source, samples[0].name)}" if samples else ""
    message = (
        f"{key}: no image has labels of the format {source.format} in {path}{sought}; "
        f"label files carry the names of their images: set {key}.images, .labels or .format"
    )
    raise DataError("\n  ".join([message, *Problems(about).summary()]))


def sought_name(source: LabelFiles, name: str) -> str:
    """The names under which labels of an image are looked for."""
    return FORMATS[source.format].sought(name)


def _refuse_nothing_left(
    source: LabelFiles, path: Path, images: Mapping[str, Path], problems: Sequence[Problem], key: str
) -> None:
    """Refuse label files with labels of the images of which every one was dropped, or is of another class."""
    dropped = [problem for problem in problems if problem.kind.endswith("dropped") or problem.kind == LEFT_OUT]
    lines = Problems(dropped).summary()
    if isinstance(source.classes, tuple):
        every = FORMATS[source.format].read(path, images, label_classes({}), Problems(strict=False))
        count = sum(map(len, every.values()))
        lines += [f"{count:,} x label of another class than {', '.join(source.classes)}"] if count else []
    if lines:
        head = f"{key}: {path}: there are labels of the format {source.format}, but not one is left"
        raise DataError("\n  ".join([head, *lines]))
