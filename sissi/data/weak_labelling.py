"""Weak labels of a set of images by image processing, many images at a time (appendix A)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, as_lists, make_boxes
from sissi.config import WeakLabels
from sissi.data.classes import EVERY_LABEL, LabelClasses, numbered
from sissi.data.cleaning import clean
from sissi.data.find import CATEGORIES, THREADS
from sissi.data.image_cache import ImageCache, image_cache_of, load_or_compute
from sissi.data.images.read import RGB
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.names import PipelineName
from sissi.runtime.cache import Cache
from sissi.weak_labels import KINDS, Choice, choose_pipeline, find_cells, label_cells, name_kinds, pipeline_of
from sissi.weak_labels.cell_size import CellSize, size_in, typical_cell_size

SIZED_FROM = 16
"""Most images from which the size of a cell is estimated."""


@dataclass(frozen=True)
class Labelled:
    """An image with its weak labels.

    Attributes:
        sample: the image; its boxes are the labels.
        choice: which pipeline made them, and why that one.
    """

    sample: Sample
    choice: Choice


def label_images(samples: Sequence[Sample], settings: WeakLabels) -> Iterator[Labelled]:
    """The weak labels of images, in order, each as soon as it is there.

    Args:
        samples: the images; their boxes do not matter.
        settings: in px of the images, of every size; see `sized`.

    Raises:
        DataError: the pipeline depends on the folder of an image, and that is none of alive, dead and inhib.
    """

    def label(sample: Sample) -> Labelled:
        return label_image(sample, sample.read(), settings)

    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(label, samples)


def label_image(sample: Sample, image: RGB, settings: WeakLabels) -> Labelled:
    """The weak labels of one image that has been read.

    Args:
        sample: of the image; its boxes do not matter.
        image: (H, W, 3) uint8 RGB.
        settings: as for `label_images`.

    Raises:
        DataError: as for `label_images`.
    """
    choice = choose_pipeline(image, settings, sample.category)
    return Labelled(_labelled(sample, find_cells(image, settings, choice.pipeline), "weak labels"), choice)


def kinds_of(labelled: Sequence[Labelled], settings: WeakLabels) -> tuple[list[Boxes], tuple[str, ...]]:
    """The labels with the kinds of their cells as classes, and the names of the classes; see `WeakLabels.kind`."""
    named = [name_kinds(item.sample.read(), item.sample.boxes, settings, item.choice.pipeline) for item in labelled]
    present = sorted({label for boxes in named for label in boxes.labels.tolist()})
    numbered = [
        make_boxes(boxes.xyxy, boxes.scores, [present.index(label) + 1 for label in boxes.labels.tolist()])
        for boxes in named
    ]
    return numbered, tuple(KINDS[label - 1] for label in present) or KINDS[:1]


def sized(
    samples: Sequence[Sample], settings: WeakLabels, problems: Problems | None = None, cache: Cache | None = None
) -> tuple[WeakLabels, CellSize | None]:
    """The settings with every size given, and the estimated size of a cell if they needed one.

    Args:
        samples: the images whose labels the settings make.
        settings: their `cell_size` decides the sizes that are not given; if it is `auto`, the images do.
        problems: takes that the images are of very different scale; None: that is not noted.
        cache: keeps the sizes found in images, so that they are measured once; None: they are not kept.

    Raises:
        DataError: the size of a cell is to be estimated, and no cell is to be seen in the images; or it is given, and
            larger than every image; or the pipeline depends on the folder of an image, and that is none of alive, dead
            and inhib.
    """
    if settings.cell_size != "auto":
        _require_fitting(samples, settings.cell_size)
    if settings.pipeline == "category":
        for category in {sample.category for sample in samples}:
            pipeline_of(category)  # an error before the images are looked at
    if not settings.needs_cell_size:
        return settings, None
    if settings.cell_size != "auto":
        return settings.for_cells_of(settings.cell_size), None
    chosen = _some(samples)
    image_cache = image_cache_of(chosen, cache.entry("cell_size", {}).folder) if cache else None

    def size_of(sample: Sample) -> float:
        return float(load_or_compute(sample.path, image_cache, _measured, sample.reading)[0])

    with ThreadPoolExecutor(THREADS) as pool:
        found = typical_cell_size(list(pool.map(size_of, chosen)))
    if found.varied and problems is not None:
        ordered = sorted((size, sample.path) for size, sample in zip(found.sizes, chosen, strict=True) if size > 0)
        (small, first), (large, last) = ordered[0], ordered[-1]
        detail = f"{small:.0f} px, in {last.name} {large:.0f} px, all labelled as if {found.size:.0f} px"
        problems.add(first, "set of images of very different scale, better labelled apart; cells measure", detail)
    return settings.for_cells_of(found.size), found


def _measured(image: RGB) -> npt.NDArray[np.float64]:
    return np.array([size_in(image)])


def _require_fitting(samples: Sequence[Sample], cell_size: float) -> None:
    largest = max(samples, key=lambda sample: max(sample.width, sample.height), default=None)
    if largest is not None and cell_size > max(largest.width, largest.height):
        raise DataError(
            f"weak_labels.cell_size: {cell_size:g} px is larger than the images, of which the largest is "
            f"{largest.width}x{largest.height} ({largest.path}); it is the longer side of one cell, or auto"
        )


def _some(samples: Sequence[Sample]) -> list[Sample]:
    """Some of the images, evenly spread over all."""
    chosen = np.unique(np.linspace(0, len(samples) - 1, SIZED_FROM).round().astype(int))
    return [samples[index] for index in chosen]


def with_weak_labels(
    samples: Sequence[Sample],
    settings: WeakLabels,
    problems: Problems,
    key: str,
    cache: Cache | None,
    classes: LabelClasses = EVERY_LABEL,
) -> list[Sample]:
    """The samples with boxes made by image processing.

    Args:
        samples: their own boxes do not matter.
        settings: in px of the images.
        problems: takes images in which no cell is found, and that images are of very different scale.
        key: of the data set's settings, for messages.
        cache: keeps the boxes, so that they are made once of equal images; None: not kept.
        classes: what the kinds of cells stand for that the labels name, see `WeakLabels.kind`.

    Raises:
        DataError: the pipeline depends on the folder of an image, and that is none of alive, dead and inhib; or as for
            `sized`; or no class is given for a kind.
    """
    if settings.pipeline == "category" and any(sample.category is None for sample in samples):
        raise DataError(
            f"{key}.weak_labels.pipeline: category takes the pipeline from the folder of an image, but the images are "
            f"not in folders named {', '.join(CATEGORIES)}; sort them, or "
            f"set it to auto or one of {', '.join(get_args(PipelineName))}"
        )

    settings, _ = sized(samples, settings, problems, cache)
    caches = _image_caches(samples, settings, cache) if cache else {}

    def labelled(sample: Sample) -> Sample:
        def label(image: RGB) -> npt.NDArray[np.float32]:
            return _columns(label_cells(image, settings, sample.category))

        found = load_or_compute(sample.path, caches.get(sample.category), label, sample.reading)
        return _labelled(sample, make_boxes(found[:, :4], found[:, 4], found[:, 5]), key)

    with ThreadPoolExecutor(THREADS) as pool:
        kinds = list(pool.map(labelled, samples))
    result = _with_classes(kinds, classes, problems, key)
    for sample in result:
        if not len(sample.boxes):
            problems.add(sample.path, "image in which the weak labels find no cell, used without boxes")
    return result


def _image_caches(samples: Sequence[Sample], settings: WeakLabels, cache: Cache) -> dict[str | None, ImageCache]:
    """Where the weak labels of each category's images are kept."""
    shared = settings.model_dump(mode="json")
    categories = {sample.category for sample in samples}
    contents = {category: {"settings": shared, "category": category} for category in categories}
    return {
        one: image_cache_of(samples, cache.entry("weak_labels", content).folder) for one, content in contents.items()
    }


def _with_classes(samples: Sequence[Sample], classes: LabelClasses, problems: Problems, key: str) -> list[Sample]:
    """The samples with the classes of their labels in place of the kinds of cells."""
    rows = {
        sample.name: [
            (KINDS[kind - 1], (left, top, right, bottom), score)
            for (left, top, right, bottom), score, kind in zip(*as_lists(sample.boxes), strict=True)
        ]
        for sample in samples
    }
    boxes = numbered(Path(f"{key}.weak_labels"), rows, classes, problems)
    return [replace(sample, boxes=boxes[sample.name]) for sample in samples]


def _columns(boxes: Boxes) -> npt.NDArray[np.float32]:
    """(N, 6): coordinates, scores, kinds."""
    return np.column_stack((boxes.xyxy, boxes.scores, boxes.labels)).astype(np.float32)


def _labelled(sample: Sample, boxes: Boxes, key: str) -> Sample:
    """A sample with its weak labels. Circles and margins may reach over the edge; that they are cut is not noted."""
    return replace(sample, boxes=clean(boxes, sample, key, Problems()))
