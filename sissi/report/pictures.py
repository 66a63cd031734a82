"""Section with figures 3, 4 and 8 of a run: images with labels, synthetic-like versions and predictions."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from sissi.boxes import EMPTY, Boxes
from sissi.config.variants import RECIPE, VARIANTS, blur_of_variant, settings_of_variant
from sissi.data.resized import ResizedDataset, resized_dataset
from sissi.data.sample import Sample
from sissi.figures import Panel, label_cycles, side_by_side, synthetic_like
from sissi.method.synthetic_images import synthesise
from sissi.report.document import Picture, Section
from sissi.report.images import Images
from sissi.report.report_data import ReportData
from sissi.results.scores import short
from sissi.results.snapshots import Snapshot

STEP, CYCLES = 3, 4
"""Figures 3 and 8 show the cycles t, t + 3, t + 6 and t + 9."""
MOST_ROWS = 8
"""Largest number of variants in figures 3 and 8; the first ones are shown."""
BESIDE = ("plain-a", "a+sissi-w", "a+sissi-s", RECIPE)
"""The variants of figure 4."""
COLOURS = "green: agrees at IoU 0.5; orange-red: does not; dashed blue: missed"
OF_CLASSES = "; purple: of another class; boxes that are compared with nothing have the colours of their classes: "
CLASS_COLOURS = ("orange", "light blue", "green", "purple", "blue", "orange-red")


def pictures_section(evidence: ReportData) -> Section:
    """Section with figures 3, 4 and 8 of the first seed, as far as images and labels exist."""
    section = Section("Images, labels and predictions")
    images = evidence.images
    if isinstance(images, str):
        section.blocks.append(f"The figures of images are left out: {images}.")
        return section
    seed = evidence.first_trunk
    labels = {
        variant: by_epoch
        for variant in evidence.record.variants
        if evidence.record.known[variant].corrects
        and (run := evidence.record.branches.get((variant, seed or 0)))
        and (by_epoch := evidence.record.labels(run))
    }
    referenced = [sample for sample in images.target if sample.name in evidence.reference]
    choice = referenced or images.target
    training = _typical(choice, [len(sample.boxes) for sample in choice])
    shown = dict(list(labels.items())[:MOST_ROWS])
    made = [
        _figure_3(evidence, images, training, shown),
        _figure_4(evidence, images, training, labels, seed or 0),
        _figure_8(evidence, training, shown),
    ]
    section.blocks.append(
        f"Seed {seed}. The training image, {training.name}, is the one with the median number of initial labels"
        f"{' of those that have a reference' if referenced else ''}; it was not chosen by hand."
    )
    section.blocks += [picture for picture in made if picture is not None]
    return section


def shown_cycles(epochs: Sequence[int]) -> list[int]:
    """First cycle t, and t + 3, t + 6 and t + 9 as far as they exist."""
    first = min(epochs)
    return [epoch for epoch in range(first, first + STEP * CYCLES, STEP) if epoch in set(epochs)]


def _figure_3(
    evidence: ReportData, images: Images, sample: Sample, labels: dict[str, dict[int, Snapshot]]
) -> Picture | None:
    record = evidence.record
    cloned = {
        variant: (settings_of_variant(record.known[variant], record.experiment).synthetic_images, blur)
        for variant in labels
        if (
            blur := blur_of_variant(
                record.known[variant], settings_of_variant(record.known[variant], record.experiment)
            )
        )
        is not None
    }
    resized = resized_dataset([sample], evidence.record.experiment.training.image_size)
    original = resized.read(0)
    synthetic = {
        variant: {
            epoch: synthesise(
                original,
                _in_resized(labels[variant][epoch].boxes[sample.name], sample, resized),
                blur,
                settings.margin,
                cloning=settings.cloning,
                shape=settings.shape,
            )
            for epoch in shown_cycles(list(labels[variant]))
        }
        for variant, (settings, blur) in cloned.items()
    }
    if not synthetic:
        return None
    return Picture(
        "figure_3",
        synthetic_like(original, synthetic, record.known),
        f"Figure 3. {sample.name} and its synthetic-like versions: the labelled cells cloned onto the blurred image, "
        "computed from the pseudo labels of each epoch at the detector's image size.",
    )


def _figure_4(
    evidence: ReportData,
    images: Images,
    training: Sample,
    labels: dict[str, dict[int, Snapshot]],
    seed: int,
) -> Picture | None:
    rows = [_label_panels(evidence, training, labels)]
    if evidence.readers:
        first = next(iter(evidence.readers.values()))
        test = _typical(images.test, [len(first.get(sample.name, EMPTY)) for sample in images.test])
        rows.append(_prediction_panels(evidence, test, seed))
    score = evidence.record.experiment.pseudo_labels.score
    truth = next(iter(evidence.readers), "")
    return Picture(
        "figure_4",
        side_by_side(rows),
        f"Figure 4. Above: a training image with its labels, compared with the reference if there is one. Below: a "
        f"test image (with the median number of cells), with the boxes of each reader, and predictions with a score of "
        f"at least {score:g} compared with {truth} ({_colours(evidence)}).",
    )


def _label_panels(evidence: ReportData, sample: Sample, labels: dict[str, dict[int, Snapshot]]) -> list[Panel]:
    image = sample.read()
    truth = evidence.reference.get(sample.name)
    panels = [Panel("input", image)]
    if truth is not None:
        panels.append(Panel(f"reference: {len(truth)}", image, truth))
    panels.append(Panel(f"initial labels: {len(sample.boxes)}", image, sample.boxes, truth))
    for variant in BESIDE:
        if variant in labels:
            last = labels[variant][max(labels[variant])].boxes[sample.name]
            panels.append(Panel(f"{VARIANTS[variant].title}, last: {len(last)}", image, last, truth))
    return panels


def _prediction_panels(evidence: ReportData, sample: Sample, seed: int) -> list[Panel]:
    image = sample.read()
    panels = [Panel("input", image)]
    for reader, boxes in evidence.readers.items():
        drawn = boxes.get(sample.name, EMPTY)
        panels.append(Panel(f"{short(reader)}: {len(drawn)}", image, drawn))
    truth = next(iter(evidence.readers.values())).get(sample.name, EMPTY)
    for variant in BESIDE:
        predicted = evidence.predictions.get((variant, seed))
        if predicted is not None:
            shown = confident(predicted.boxes[sample.name], evidence.record.experiment.pseudo_labels.score)
            panels.append(Panel(f"{VARIANTS[variant].title}: {len(shown)}", image, shown, truth))
    return panels


def _figure_8(evidence: ReportData, sample: Sample, labels: dict[str, dict[int, Snapshot]]) -> Picture | None:
    if not labels:
        return None
    shown = {
        variant: {epoch: of_epochs[epoch].boxes[sample.name] for epoch in shown_cycles(list(of_epochs))}
        for variant, of_epochs in labels.items()
    }
    truth = evidence.reference.get(sample.name)
    return Picture(
        "figure_8",
        label_cycles(sample.read(), shown, truth, evidence.record.known),
        f"Figure 8. The pseudo labels of {sample.name} over the epochs, one row per variant"
        + (f" ({_colours(evidence)})." if truth is not None else "."),
    )


def _colours(evidence: ReportData) -> str:
    """The colours of boxes, in words."""
    names = evidence.record.experiment.class_names
    if len(names) < 2:
        return COLOURS
    pairs = zip(names, itertools.cycle(CLASS_COLOURS), strict=False)
    return COLOURS + OF_CLASSES + ", ".join(f"{name} {colour}" for name, colour in pairs)


def confident(boxes: Boxes, score: float) -> Boxes:
    """Boxes with at least this score."""
    return boxes.take(boxes.scores >= score)


def _typical(samples: Sequence[Sample], counts: Sequence[int]) -> Sample:
    """Sample with the median count: of an even number the lower one, of equal counts the first."""
    return samples[int(np.argsort(counts, kind="stable")[(len(counts) - 1) // 2])]


def _in_resized(boxes: Boxes, sample: Sample, resized: ResizedDataset) -> Boxes:
    from sissi.boxes import scale

    return scale(boxes, resized.width / sample.width, resized.height / sample.height)
