"""The way from a folder of images to an experiment file that runs: look, label, set aside, write."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from sissi.config import LabelFiles
from sissi.config.load import load_experiment
from sissi.data.find import decode_all, find_images
from sissi.data.formats import cellpose_names
from sissi.data.formats.writing import require_new
from sissi.data.load import with_corrections
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.data.start.describe import describe_images
from sissi.data.start.experiment_text import ExperimentText
from sissi.data.start.frames import SMALL, fit_frames
from sissi.data.start.labelling import LABELS, Say, make_labels, read_own_labels, typical_side
from sissi.data.start.options import StartOptions
from sissi.data.start.pictures import draw_pictures
from sissi.data.start.source import source_sections
from sissi.data.start.split import Split, name_readers, split_images
from sissi.errors import DataError
from sissi.runtime.device import cores, device_of
from sissi.runtime.files import new_output

EXPERIMENT, SHEET, PICTURES = "experiment.yaml", "labels.jpg", "pictures"
NAMES = {"train": "train.txt", "test": "test.txt"}
"""What a start writes beside the labels."""


def start(images: Path, out: Path, options: StartOptions, say: Say) -> Path:
    """Look at a folder of images, and write what an ablation on them needs into a new folder.

    Args:
        images: folder of the images; they stay where they are.
        out: new folder.
        options: what the person has beside images.
        say: shows a sentence: what was found, and what was decided.

    Returns:
        The experiment file; of a start that stops after the labels, the file of the labels.

    Raises:
        DataError: an input cannot be used, or `out` exists.
    """
    require_new(out)
    readers = name_readers(options.readers, options.readers_format, options.classes)
    problems = Problems()
    found = find_images(images, options.labels_format if options.labels else "coco", problems, "IMAGES")
    samples = decode_all(_without_masks(found, images, problems), "IMAGES", problems, options.reading)
    about = describe_images(samples)
    say(about)
    with new_output(out) as unfinished:
        unfinished.mkdir(parents=True)
        if options.labels:
            samples = read_own_labels(samples, options, problems, say)
            given = options.weak_labels.cell_size
            size = typical_side(samples) if given == "auto" else given
        else:
            samples, size = make_labels(samples, unfinished, options, problems, say)
        drawn = draw_pictures(samples, unfinished / PICTURES, unfinished / SHEET)
        say(f"pictures of {drawn} images with their labels: {out / PICTURES}; some side by side: {out / SHEET}")
        if not options.labels_only:
            split = split_images(samples, readers, problems)
            _say_split(split, say)
            source = source_sections(options.source, unfinished, problems) if options.source else {}
            frames = fit_frames(split.train, size, device_of("auto"), cores())
            say(f"the detector sees {frames.width} x {frames.height} px, cells of {frames.cell:.0f} px")
            if frames.cell < SMALL:
                say(f"warning: cells below {SMALL:.0f} px are hard to find; cut the images into smaller ones")
            text = ExperimentText(
                path=out / EXPERIMENT,
                name=out.resolve().name,
                about=f"{about}, cells of about {size:.0f} px",
                frames=frames,
                images=images,
                reading=options.reading.model_dump(mode="json", exclude_none=True),
                labels=_labels(options, out),
                names=_write_names(split, found, unfinished),
                readers={name: _settings(source) for name, source in split.readers.items()},
                reference=_settings(split.readers[split.referenced]) if split.referenced else None,
                corrected=_corrected(options, split, problems, say),
                source=source,
            )
            (unfinished / EXPERIMENT).write_text(text.text(), encoding="utf-8")
            load_experiment(unfinished / EXPERIMENT)
    for line in problems.summary():
        say(f"warning: {line}")
    return out / (LABELS if options.labels_only else EXPERIMENT)


def _without_masks(found: dict[str, Path], folder: Path, problems: Problems) -> dict[str, Path]:
    cellpose_names.note_lone_masks(list(found.values()), problems)
    images = {name: path for name, path in found.items() if not cellpose_names.is_mask(path)}
    if not images:
        raise DataError(f"IMAGES: {folder}: has masks of cells, and no image")
    return images


def _say_split(split: Split, say: Say) -> None:
    if not split.readers:
        say(
            f"no readers: all {len(split.train):,} images are trained on and get labels, and nobody scores the result; "
            "--readers FILE names boxes of a person who looked at some of the images"
        )
        return
    say(
        f"{len(split.train):,} images are trained on; {len(split.test):,} that readers looked at are set aside for "
        "testing"
    )


def _write_names(split: Split, found: Collection[str], folder: Path) -> dict[str, str]:
    """Text files with the names of the images for training and for testing, where these are not all of the folder."""
    roles: dict[str, Sequence[Sample]] = {"train": split.train, "test": split.test}
    needed = {role: samples for role, samples in roles.items() if samples and len(samples) < len(found)}
    for role, samples in needed.items():
        (folder / NAMES[role]).write_text("".join(f"{sample.name}\n" for sample in samples), encoding="utf-8")
    return {role: NAMES[role] for role in needed}


def _labels(options: StartOptions, out: Path) -> dict[str, Any]:
    """Format, place and classes of the labels of the training images."""
    if options.labels is None:
        return {"format": "coco", "labels": out / LABELS}
    classes = {"classes": list(options.classes)} if options.classes else {}
    return {"format": options.labels_format, "labels": options.labels, **classes}


def _corrected(options: StartOptions, split: Split, problems: Problems, say: Say) -> dict[str, Any] | None:
    """Settings of the corrected labels of training images as keys of an experiment; None: there are none."""
    if options.corrected is None:
        return None
    classes = tuple(options.classes) or None
    source = LabelFiles(format=options.corrected_format, labels=options.corrected.resolve(), classes=classes)
    corrected = [one for one in with_corrections(source, split.train, Path(), problems) if one.corrected]
    boxes = sum(len(one.boxes) for one in corrected)
    say(f"corrected labels of {len(corrected):,} of the images, {boxes:,} cells; the others need labels of their own")
    return _settings(source)


def _settings(source: LabelFiles) -> dict[str, Any]:
    """Settings of a reader as keys of an experiment; paths stay paths."""
    given = {"format": source.format, "labels": source.labels}
    return given | ({"classes": list(source.classes)} if source.classes else {})
