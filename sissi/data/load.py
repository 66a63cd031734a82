"""From the `data` section of an experiment to samples: images found and checked, their labels read and cleaned."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sissi.boxes import EMPTY, Boxes, make_boxes
from sissi.config import LabelFiles, LabelledImages, TestImages, WeakLabels
from sissi.data.cleaning import clean
from sissi.data.find import CATEGORIES, THREADS, checked, existing, find_images, spread
from sissi.data.formats import celllab, cellpose, coco, cvat, label_studio, voc, yolo
from sissi.data.formats.matching import LABELS_WITHOUT_IMAGE, last_stem
from sissi.data.image_cache import Shelf, shelf_of, worked_out
from sissi.data.images.read import RGB
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.runtime.cache import Cache

_READ = {
    "celllab": celllab.read_labels,
    "cellpose": cellpose.read_labels,
    "voc": voc.read_labels,
    "coco": coco.read_labels,
    "yolo": yolo.read_labels,
    "label_studio": label_studio.read_labels,
    "cvat": cvat.read_labels,
}


def load_images(
    settings: LabelledImages, folder: Path, problems: Problems, key: str, cache: Cache | None = None
) -> list[Sample]:
    """The images of a data set with their labels, sorted by name.

    Every image is decoded once, so that a broken file is refused before anything is trained. An image without labels
    is kept, without boxes, and noted.

    Args:
        settings: of the data set.
        folder: where its relative paths start.
        problems: takes what was dropped, cut or left without labels.
        key: of the settings, for messages, such as `data.target_train`.
        cache: keeps weak labels, so that they are made once of equal images; None: nobody does.

    Raises:
        DataError: a folder is missing or has no images, no image has labels, a label file cannot be used, or images
            are broken: all of these are named at once.
    """
    found = find_images(existing(folder, settings.images, f"{key}.images"), settings.format, problems, f"{key}.images")
    chosen = spread(found, settings.limit)
    blank = checked(chosen, key, problems)
    if settings.weak_labels is not None:
        return _weakly_labelled(blank, settings.weak_labels, problems, key, cache)
    beside = settings.images if settings.labels is None else settings.labels
    source = LabelFiles(format=settings.format, labels=beside, classes=settings.classes)
    labels = read_labels(source, folder, blank, problems, key, others=_not_among(blank, found))
    _refuse_none(labels, source, folder, key)
    for sample in blank:
        if sample.name not in labels:
            problems.add(sample.path, "image without labels, used without boxes")
    return [replace(sample, boxes=labels.get(sample.name, EMPTY)) for sample in blank]


def load_test(settings: TestImages, folder: Path, problems: Problems) -> tuple[list[Sample], dict[str, list[Boxes]]]:
    """The test images, without boxes, and for each reader the boxes of each of these images.

    An image that a reader's labels do not mention is evaluated as one without cells, and noted.

    Raises:
        DataError: as `load_images`, for the images and for each reader.
    """
    key = "data.target_test"
    found = find_images(existing(folder, settings.images, f"{key}.images"), "flat", problems, f"{key}.images")
    if any(source.format == "cellpose" for source in settings.readers.values()):
        found = {name: path for name, path in found.items() if not cellpose.is_mask(path)}
    chosen = spread(found, settings.limit)
    samples = checked(chosen, key, problems)
    readers = {}
    for reader, source in settings.readers.items():
        place = f"{key}.readers.{reader}"
        labels = read_labels(source, folder, samples, problems, place, others=_not_among(samples, found))
        _refuse_none(labels, source, folder, place)
        for sample in samples:
            if sample.name not in labels:
                problems.add(sample.path, "image that a reader does not mention, evaluated as empty", reader)
        readers[reader] = [labels.get(sample.name, EMPTY) for sample in samples]
    return samples, readers


def load_reference(
    settings: LabelFiles, samples: Sequence[Sample], folder: Path, problems: Problems
) -> list[Boxes | None]:
    """The reference boxes of each sample, or None where the reference does not cover its image.

    Raises:
        DataError: the labels are missing or cannot be used.
    """
    labels = read_labels(settings, folder, samples, problems, "data.target_reference", others=None)
    if not labels:
        problems.add(folder / settings.labels, "reference that covers none of the images")
    return [labels.get(sample.name) for sample in samples]


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
    path = existing(folder, source.labels, f"{key}.labels")
    found = Problems(strict=problems.strict)
    expected = {last_stem(name) for name in others or ()}
    try:
        raw = _READ[source.format](path, {sample.name: sample.path for sample in samples}, source.classes, found)
    except DataError as error:
        raise DataError(f"{key}: {error}") from error
    for problem in found.found:
        orphan = problem.kind == LABELS_WITHOUT_IMAGE
        if not orphan or (others is not None and last_stem(problem.detail or problem.file.name) not in expected):
            problems.found.append(problem)
    return {sample.name: clean(raw[sample.name], sample, key, problems) for sample in samples if sample.name in raw}


def digest(samples: Sequence[Sample]) -> str:
    """The sha256 over names, content of the image files and boxes: equal wherever the files lie, in whatever order."""
    total = hashlib.sha256()
    for sample in sorted(samples, key=lambda sample: sample.name):
        with sample.path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").digest()
        boxes = sample.boxes
        arrays = (boxes.xyxy.astype("<f4"), boxes.scores.astype("<f4"), boxes.labels.astype("<i8"))
        for part in (sample.name.encode(), content, *(array.tobytes() for array in arrays)):
            total.update(len(part).to_bytes(8, "little") + part)
    return total.hexdigest()


def _not_among(samples: Sequence[Sample], names: Collection[str]) -> set[str]:
    """Images that are there, but were not asked for or cannot be read."""
    return set(names) - {sample.name for sample in samples}


def _refuse_none(labels: Mapping[str, Boxes], source: LabelFiles, folder: Path, key: str) -> None:
    if not labels:
        raise DataError(
            f"{key}: no image has labels of the format {source.format} in {folder / source.labels}; "
            f"label files carry the names of their images: set {key}.images, .labels or .format"
        )


def _weakly_labelled(
    samples: Sequence[Sample], settings: WeakLabels, problems: Problems, key: str, cache: Cache | None
) -> list[Sample]:
    """The samples with boxes made by image processing (appendix A)."""
    from sissi.weak_labels import label_cells

    if settings.pipeline == "category" and any(sample.category is None for sample in samples):
        raise DataError(
            f"{key}.weak_labels.pipeline: category takes the pipeline from the folder of an image, but the images are "
            f"not in folders named {', '.join(CATEGORIES)}; sort them, or set it to auto, alive, dead or inhibited"
        )

    shelves = _shelves(samples, settings, cache) if cache else {}

    def labelled(sample: Sample) -> Sample:
        def label(image: RGB) -> npt.NDArray[np.float32]:
            return _columns(label_cells(image, settings, sample.category))

        found = worked_out(sample.path, shelves.get(sample.category), label)
        boxes = make_boxes(found[:, :4], found[:, 4], found[:, 5])
        # circles and margins may reach over the edge: nobody's fault, so not noted
        return replace(sample, boxes=clean(boxes, sample, key, Problems()))

    with ThreadPoolExecutor(THREADS) as pool:
        result = list(pool.map(labelled, samples))
    for sample in result:
        if not len(sample.boxes):
            problems.add(sample.path, "image in which the weak labels find no cell, used without boxes")
    return result


def _shelves(samples: Sequence[Sample], settings: WeakLabels, cache: Cache) -> dict[str | None, Shelf]:
    """Where the weak labels of each category's images are kept."""
    shared = settings.model_dump(mode="json")
    categories = {sample.category for sample in samples}
    contents = {category: {"settings": shared, "category": category} for category in categories}
    return {one: shelf_of(samples, cache.entry("weak_labels", content).folder) for one, content in contents.items()}


def _columns(boxes: Boxes) -> npt.NDArray[np.float32]:
    """(N, 6): coordinates, scores, labels."""
    return np.column_stack((boxes.xyxy, boxes.scores, boxes.labels)).astype(np.float32)
