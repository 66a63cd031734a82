"""From the `data` section of an experiment to samples: images found and checked, their labels read and cleaned."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from sissi.boxes import EMPTY, Boxes, split_ignore_regions
from sissi.config import LabelFiles, LabelledImages, TestImages
from sissi.config.classes import ONE_CLASS, Meaning
from sissi.data.classes import label_classes
from sissi.data.find import decode_all, find_images, listed, require_path, subsample
from sissi.data.formats import cellpose_names
from sissi.data.labels import read_labels, refuse_none, sought_name
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.data.weak_labelling import with_weak_labels
from sissi.errors import DataError
from sissi.runtime.cache import Cache


def load_images(
    settings: LabelledImages,
    folder: Path,
    problems: Problems,
    key: str,
    cache: Cache | None = None,
    classes: Meaning = ONE_CLASS,
) -> list[Sample]:
    """The images of a data set with their labels, sorted by name.

    Every image is decoded once, so that a broken file is refused before anything is trained; one that was decoded by an
    earlier command and has not changed since is not decoded again. An image without labels
    is kept, without boxes, and noted.

    Args:
        settings: of the data set.
        folder: where its relative paths start.
        problems: takes what was dropped, cut or left without labels.
        key: of the settings, for messages, such as `data.target_train`.
        cache: keeps what is known of decoded images, and weak labels, so that they are made once of equal images; None:
            nothing is kept.
        classes: of the experiment; empty: every label is a cell.

    Raises:
        DataError: a folder is missing or has no images, no image has labels, a label file cannot be used, or images
            are broken: all of these are named at once.
    """
    found = find_images(
        require_path(folder, settings.images, f"{key}.images"), settings.format, problems, f"{key}.images"
    )
    chosen = subsample(listed(found, folder, settings.names, f"{key}.names"), settings.limit)
    blank = decode_all(chosen, key, problems, settings.reading, cache)
    if settings.weak_labels is not None:
        meaning = label_classes(classes, settings.classes)
        return with_weak_labels(blank, settings.weak_labels, problems, key, cache, meaning)
    beside = settings.images if settings.labels is None else settings.labels
    source = LabelFiles(format=settings.format, labels=beside, classes=settings.classes, cell_size=settings.cell_size)
    others = _not_among(blank, found)
    labels = read_labels(source, folder, blank, problems, key, others=others, classes=classes, ignored=settings.ignore)
    refuse_none(labels, source, folder, blank, problems, key)
    for sample in blank:
        if sample.name not in labels:
            sought = f"looked for {sought_name(source, sample.name)}"
            problems.add(sample.path, "image without labels, used without boxes", sought)
    split = [split_ignore_regions(labels.get(sample.name, EMPTY)) for sample in blank]
    return [replace(sample, boxes=cells, ignored=rest) for sample, (cells, rest) in zip(blank, split, strict=True)]


def load_test(
    settings: TestImages,
    folder: Path,
    problems: Problems,
    classes: Meaning = ONE_CLASS,
    cache: Cache | None = None,
) -> tuple[list[Sample], dict[str, list[Boxes | None]]]:
    """The test images, without boxes, and for each reader the boxes of each of these images.

    Of an image that a reader's labels do not mention they are None, which is noted: unknown is not empty. A cache keeps
    what is known of decoded images.

    Raises:
        DataError: as `load_images`, for the images and for each reader.
    """
    key = "data.target_test"
    found = find_images(require_path(folder, settings.images, f"{key}.images"), "flat", problems, f"{key}.images")
    if any(source.format == "cellpose" for source in settings.readers.values()):
        found = {name: path for name, path in found.items() if not cellpose_names.is_mask(path)}
    chosen = subsample(listed(found, folder, settings.names, f"{key}.names"), settings.limit)
    samples = decode_all(chosen, key, problems, settings.reading, cache)
    readers = {}
    for reader, source in settings.readers.items():
        place = f"{key}.readers.{reader}"
        labels = read_labels(
            source, folder, samples, problems, place, others=_not_among(samples, found), classes=classes
        )
        refuse_none(labels, source, folder, samples, problems, place)
        for sample in samples:
            if sample.name not in labels:
                sought = f"{reader}, looked for {sought_name(source, sample.name)}"
                problems.add(sample.path, "image that a reader does not mention, left out of its scores", sought)
        readers[reader] = [labels.get(sample.name) for sample in samples]
    return samples, readers


def load_reference(
    settings: LabelFiles, samples: Sequence[Sample], folder: Path, problems: Problems, classes: Meaning = ONE_CLASS
) -> list[Boxes | None]:
    """The reference boxes of each sample, or None where the reference does not cover its image.

    Raises:
        DataError: the labels are missing or cannot be used.
    """
    labels = read_labels(settings, folder, samples, problems, "data.target_reference", others=None, classes=classes)
    if not labels:
        problems.add(folder / settings.labels, "reference that covers none of the images")
    return [labels.get(sample.name) for sample in samples]


def with_corrections(
    settings: LabelFiles, samples: Sequence[Sample], folder: Path, problems: Problems, classes: Meaning = ONE_CLASS
) -> list[Sample]:
    """The samples, of which those that the labels mention have these labels, and count as corrected.

    Raises:
        DataError: the labels are missing, cannot be used, or mention none of the images.
    """
    key = "data.target_corrected"
    labels = read_labels(settings, folder, samples, problems, key, classes=classes)
    if not labels:
        raise DataError(
            f"{key}: {folder / settings.labels} mentions none of the target training images; its images must have the "
            f"names that they have there, such as {samples[0].name}"
        )
    return [
        replace(sample, boxes=labels[sample.name], corrected=True) if sample.name in labels else sample
        for sample in samples
    ]


def _not_among(samples: Sequence[Sample], names: Collection[str]) -> set[str]:
    """Images that are there, but were not asked for or cannot be read."""
    return set(names) - {sample.name for sample in samples}
