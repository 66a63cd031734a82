"""Audit of labels: the command `sissi audit`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from sissi.boxes import Boxes, split_ignore_regions
from sissi.config import LabelFiles
from sissi.config.classes import ONE_CLASS, Meaning
from sissi.data.find import decode_all, find_images
from sissi.data.formats import FORMATS
from sissi.data.labels import read_labels, refuse_none
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.inference.audit.certainty import Certainty, certainty
from sissi.inference.audit.cross_fitting import Plan, cross_fit
from sissi.inference.audit.flags import Flags, flag_image
from sissi.inference.audit.outputs import write_audit
from sissi.inference.audit.result import Audit
from sissi.inference.audit.settings import audit_experiment
from sissi.inference.predict_folder import show_problems
from sissi.runtime.cache import Cache, cache_folder
from sissi.runtime.progress import Display


@dataclass(frozen=True)
class AuditOptions:
    """Options of an audit.

    Attributes:
        plan: folds and repeats of the training.
        score: lowest score of a flag in the results.
        count: number of images that are exported for correction, with pictures.
        format: format of their labels.
        classes: class by name in the labels; empty: every label is a cell.
        ignore: names of regions that nobody annotated.
        store: tracking folder, which keeps finished and unfinished training.
        overrides: overrides of the settings of the training.
    """

    plan: Plan
    score: float
    count: int
    format: str
    classes: Meaning
    ignore: tuple[str, ...]
    store: Path
    overrides: Sequence[str]


def audit(labels: LabelFiles, images: Path, out: Path, options: AuditOptions, console: Console) -> Audit:
    """Find the boxes that are likely missing, wrong or loose, and write them to a folder; see `write_audit`.

    Finished folds of an earlier call are not trained again, and an interrupted one is continued.

    Args:
        labels: labels in doubt.
        images: folder of their images.
        out: folder of the results; it is created if necessary.
        options: options of the audit.
        console: console for progress and warnings.

    Raises:
        SissiError: labels or images cannot be used, or are too few; a setting is impossible; training failed.
    """
    if options.format not in FORMATS:
        raise DataError(f"--format {options.format}: no such label format; use one of {', '.join(FORMATS)}")
    problems = Problems()
    samples = labelled_samples(labels, images, options.classes, options.ignore, problems)
    _require_enough(samples, options.plan.folds, labels.labels)
    show_problems(problems, console)
    experiment = audit_experiment(samples, options.classes, options.store, options.overrides)
    with Display(console) as display:
        found = cross_fit(experiment, samples, options.plan, Cache(cache_folder(options.store)), display)
    detections = [outside(boxes, sample.ignored) for boxes, sample in zip(found, samples, strict=True)]
    certain = certainty(detections, samples, experiment.training.image_size)
    flags = flag_all(detections, samples, certain)
    result = Audit(samples, detections, flags, certain, experiment.class_names, options.score)
    write_audit(result, out, options.count, options.format)
    return result


def labelled_samples(
    labels: LabelFiles, images: Path, classes: Meaning, ignore: tuple[str, ...], problems: Problems
) -> list[Sample]:
    """The images that the labels mention, with their boxes and ignore regions; the others are noted.

    Raises:
        DataError: labels or images are missing or cannot be used.
    """
    if not labels.labels.exists():
        raise DataError(f"{labels.labels}: no such file or folder; name the labels in doubt")
    if not images.is_dir():
        raise DataError(f"{images}: no such folder; name the folder of the images")
    blank = decode_all(find_images(images, labels.format, problems, "IMAGES"), "IMAGES", problems)
    meaning = classes or ONE_CLASS
    known = read_labels(labels, Path(), blank, problems, "LABELS", classes=meaning, ignored=ignore)
    refuse_none(known, labels, Path(), blank, problems, "LABELS")
    samples = []
    for sample in blank:
        if sample.name in known:
            cells, regions = split_ignore_regions(known[sample.name])
            samples.append(replace(sample, boxes=cells, ignored=regions))
        else:
            problems.add(sample.path, "image that the labels do not mention, left out")
    return samples


def outside(boxes: Boxes, regions: Boxes) -> Boxes:
    """Boxes whose centre lies in none of the regions."""
    centres = (boxes.xyxy[:, None, :2] + boxes.xyxy[:, None, 2:]) / 2
    after, before = centres >= regions.xyxy[None, :, :2], centres <= regions.xyxy[None, :, 2:]
    inside = np.logical_and(after, before).all(axis=2)
    return boxes.take(~np.any(inside, axis=1))


def flag_all(detections: Sequence[Boxes], samples: Sequence[Sample], certain: Certainty) -> list[Flags]:
    """The flags of every image, of every score."""
    return [
        flag_image(boxes, sample.boxes, effects)
        for boxes, sample, effects in zip(detections, samples, certain.images, strict=True)
    ]


def _require_enough(samples: Sequence[Sample], folds: int, labels: Path) -> None:
    """Refuse labels from which not every fold can learn.

    Raises:
        DataError: there are too few images, or too few of them have labels.
    """
    with_labels = sum(len(sample.boxes) > 0 for sample in samples)
    if len(samples) < 2 * folds or with_labels < folds:
        raise DataError(
            f"{labels}: mentions {len(samples)} images, {with_labels} of them with labels; {folds} folds need at least "
            f"{2 * folds} images, {folds} with labels: lower --folds, or label more images"
        )
