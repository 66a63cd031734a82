"""Labels of one format in another, for the same images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sissi.boxes import EMPTY, Boxes
from sissi.config import LabelFiles
from sissi.config.classes import ONE_CLASS, Meaning, names_of
from sissi.config.data import ONE_FILE
from sissi.data.find import find_images, note_unread_parts
from sissi.data.formats import FORMATS, write_labels
from sissi.data.formats.writing import require_new
from sissi.data.images.read import image_size
from sissi.data.labels import read_labels, sought_name
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.runtime.files import new_output


def convert(
    source: LabelFiles, target: str, images: Path, out: Path, problems: Problems, classes: Meaning = ONE_CLASS
) -> tuple[list[Path], str]:
    """Read labels and write them in another format, cut to their images.

    Images that the labels do not mention are left out. What is written is read back, so that what the format could
    not hold is known.

    Args:
        source: the labels.
        target: format to write.
        images: folder of the images; of these only the sizes are read.
        out: folder, or file, to write; must be new.
        problems: takes what was dropped, cut, or could not be held.
        classes: class by name in the labels; empty: every label is a `cell`.

    Returns:
        The files that were written, and how much is in them in words.

    Raises:
        DataError: something cannot be read, `out` exists, or no image has labels.
    """
    require_new(out)
    if not source.labels.exists():
        raise DataError(f"no such file or folder: {source.labels}")
    samples = sized_images(images, source.format, problems)
    labels = read_labels(source, Path(), samples, problems, source.format, classes=classes)
    if not labels:
        raise DataError(f"{source.labels}: has no labels of the format {source.format} for an image in {images}")
    for sample in samples:
        if sample.name not in labels:
            problems.add(
                sample.path, "image without labels, left out", f"looked for {sought_name(source, sample.name)}"
            )
    samples = [sample for sample in samples if sample.name in labels]
    boxes = [labels[sample.name] for sample in samples]
    if not FORMATS[target].scores and any((found.scores < 1).any() for found in boxes):
        problems.add(out, "scores left out", f"{target} has no place for them")
    names = names_of(classes)
    if not FORMATS[target].classes and len(names) > 1:
        problems.add(out, "classes left out", f"{target} has no place for them")
    with new_output(out) as unfinished:
        files = write_labels(target, samples, boxes, unfinished, names)
        _note_lost(target, samples, boxes, files, unfinished, problems)
    files = [out / file.relative_to(unfinished) for file in files]
    return files, f"{len(samples):,} images, {sum(map(len, boxes)):,} boxes"


def sized_images(images: Path, source: str, problems: Problems) -> list[Sample]:
    """The images of a folder without labels, found as in an experiment with labels of the same format."""
    found = find_images(images, "cellpose" if source == "cellpose" else "celllab", problems, "--images")
    note_unread_parts(found.values(), problems)
    return [Sample(name, path, *image_size(path), EMPTY) for name, path in found.items()]


def _note_lost(
    target: str, samples: Sequence[Sample], boxes: Sequence[Boxes], files: list[Path], out: Path, problems: Problems
) -> None:
    """Note images whose boxes do not come back as they were written, to a pixel: cells that others hide in a mask."""
    written = LabelFiles(format=target, labels=files[0] if target in ONE_FILE else out)  # type: ignore[arg-type]
    back = read_labels(written, Path(), samples, Problems(), target, others=None)
    for sample, given in zip(samples, boxes, strict=True):
        found = back[sample.name]
        if len(found) != len(given):
            detail = f"{len(given) - len(found)} of {len(given)}"
            problems.add(sample.path, "boxes that the format could not hold", detail)
        elif (np.abs(found.xyxy - given.xyxy) > 1).any():
            problems.add(sample.path, "box that the format could not hold to a pixel")
