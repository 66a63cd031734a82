"""The labels that training begins with: those that a person has, or labels by image processing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from sissi.boxes import EMPTY
from sissi.config import LabelFiles, WeakLabels
from sissi.data.formats import write_labels
from sissi.data.labels import read_labels, refuse_none
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.data.start.options import StartOptions
from sissi.data.weak_label_summary import describe_cell_size
from sissi.data.weak_labelling import label_images, sized
from sissi.errors import DataError

LABELS, SETTINGS = "labels.json", "weak-labels.yaml"
"""Files with the labels by image processing, and with the settings that made them."""

Say = Callable[[str], None]


def read_own_labels(samples: Sequence[Sample], options: StartOptions, problems: Problems, say: Say) -> list[Sample]:
    """The images with the labels that a person has; those without labels have no boxes, which is noted.

    Raises:
        DataError: the labels are missing, cannot be used, or belong to none of the images.
    """
    assert options.labels is not None  # noqa: S101
    if not options.labels.exists():
        raise DataError(f"--labels {options.labels}: no such file or folder")
    settings = {"format": options.labels_format, "labels": options.labels, "classes": options.classes or None}
    source = LabelFiles.model_validate(settings)
    labels = read_labels(source, Path(), samples, problems, "--labels", others=None)
    refuse_none(labels, source, Path(), samples, problems, "--labels")
    for sample in samples:
        if sample.name not in labels:
            problems.add(sample.path, "image without labels, used without boxes")
    labelled = [replace(sample, boxes=labels.get(sample.name, EMPTY)) for sample in samples]
    say(f"labels of {options.labels}: {_amount(labelled)}")
    return labelled


def make_labels(
    samples: Sequence[Sample], folder: Path, options: StartOptions, problems: Problems, say: Say
) -> tuple[list[Sample], float]:
    """The images with labels by image processing, which are also written to a folder, with their settings.

    Returns:
        The images, and the longer side of a typical cell, in px of the files.

    Raises:
        DataError: there is nothing to be seen in the images, a cell is larger than them, or no cell is found.
    """
    settings, estimated = sized(samples, options.weak_labels, problems)
    if estimated is not None:  # the size that is written makes the same labels again
        settings = options.weak_labels.for_cells_of(round(estimated.size, 1))
    say(describe_cell_size(settings, estimated))
    labelled = list(label_images(samples, settings))
    result = [item.sample for item in labelled]
    if not any(len(sample.boxes) for sample in result):
        raise DataError(
            f"image processing finds no cell in any of the {len(samples)} images; give the longer side of a typical "
            "cell in px with --cell-size, or labels with --labels"
        )
    pipelines = Counter(item.choice.pipeline for item in labelled).most_common()
    by = ", ".join(f"{pipeline} in {count:,}" for pipeline, count in pipelines)
    say(f"labels by image processing ({by} images): {_amount(result)}")
    write_labels("coco", result, [sample.boxes for sample in result], folder / LABELS)
    size = typical_side(result) if settings.cell_size == "auto" else settings.cell_size
    (folder / SETTINGS).write_text(_as_yaml(options.weak_labels, size), encoding="utf-8")
    return result, size


def typical_side(samples: Sequence[Sample]) -> float:
    """The median of the longer sides of all labels, in px of the files."""
    sides = [np.maximum(sample.boxes.widths, sample.boxes.heights) for sample in samples]
    return float(np.median(np.concatenate(sides)))


def _amount(samples: Sequence[Sample]) -> str:
    """Number of labels, and fewest and most of an image."""
    numbers = [len(sample.boxes) for sample in samples]
    return f"{sum(numbers):,} labels, {min(numbers)} to {max(numbers)} an image"


def _as_yaml(settings: WeakLabels, size: float) -> str:
    """What differs from the defaults, as a file for --settings; every size that is not given follows from a cell's."""
    head = "# How labels.json was made: sissi weak-labels IMAGES --settings weak-labels.yaml --out other.json\n"
    sized = settings.model_copy(update={"cell_size": size})
    changed = {"pipeline": sized.pipeline} | sized.model_dump(mode="json", exclude_defaults=True)
    return head + yaml.safe_dump(changed, sort_keys=False)
