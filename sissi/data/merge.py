"""Labels with some images' labels corrected: the corrections replace what was there."""

from __future__ import annotations

from pathlib import Path

from sissi.boxes import EMPTY
from sissi.config import LabelFiles
from sissi.config.classes import ONE_CLASS, Meaning, names_of
from sissi.data.convert import sized_images
from sissi.data.formats import coco
from sissi.data.formats.writing import require_new
from sissi.data.labels import read_labels
from sissi.data.problems import Problems
from sissi.errors import DataError
from sissi.runtime.files import new_output


def merge(
    labels: LabelFiles,
    corrections: LabelFiles,
    images: Path,
    out: Path,
    problems: Problems,
    classes: Meaning = ONE_CLASS,
) -> tuple[int, int]:
    """Write the labels of all images as COCO, those of the images that the corrections mention taken from there.

    Args:
        labels: of all images.
        corrections: of some images, such as an export of Label Studio or CVAT; an image of which they say that it has
            no cells loses its boxes, one that was not looked at keeps them.
        images: folder of the images; of these only the sizes are read.
        out: file to write; must be new.
        problems: takes what was dropped or cut, and images that lose all of their boxes.
        classes: class by name in both; empty: every label is a `cell`.

    Returns:
        Images that were corrected, and images in all.

    Raises:
        DataError: something cannot be read, `out` exists, or the corrections are of none of the images.
    """
    require_new(out)
    for place in (labels.labels, corrections.labels):
        if not place.exists():
            raise DataError(f"no such file or folder: {place}")
    samples = sized_images(images, labels.format, problems)
    before = read_labels(labels, Path(), samples, problems, labels.format, classes=classes)
    corrected = read_labels(corrections, Path(), samples, problems, corrections.format, classes=classes)
    if not corrected:
        message = f"{corrections.labels}: corrects none of the images in {images}"
        raise DataError("\n  ".join([message, *problems.summary()]))
    for sample in samples:
        if len(before.get(sample.name, EMPTY)) and not len(corrected.get(sample.name, before[sample.name])):
            problems.add(sample.path, "image whose boxes the corrections take away, all of them")
    merged = before | corrected
    labelled = [sample for sample in samples if sample.name in merged]
    with new_output(out) as unfinished:
        coco.write_labels(labelled, [merged[sample.name] for sample in labelled], unfinished, names_of(classes))
    return len(corrected), len(labelled)
