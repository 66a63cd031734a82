"""Ranking of the images of an ablation for correction by hand: the command `sissi suggest`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from sissi.active_learning.committee import CorrectedLabels, committees, corrected_labels, trained_detectors
from sissi.active_learning.disagreement import Disagreement, disagreement_of
from sissi.active_learning.outputs import Suggestion, write_suggestions
from sissi.data.problems import Problems
from sissi.errors import SissiError
from sissi.results.stored_ablation import read_ablation
from sissi.runtime.progress import image_bar
from sissi.tracking import open_existing_store


@dataclass(frozen=True)
class Options:
    """Options of a suggestion.

    Attributes:
        count: number of images to be exported for correction.
        format: format of their label files, such as label_studio or cvat.
        views: whether the predictions of the trained detectors in the views of each image count; this takes time.
        store: folder of the MLflow store.
        overrides: overrides of the ablation's experiment, such as data.folder=... for images that have moved.
    """

    count: int
    format: str
    views: bool
    store: Path
    overrides: Sequence[str]


def suggest(run: str, out: Path, options: Options, console: Console) -> tuple[int, int]:
    """Rank the target training images of an ablation, and export the first ones; see `write_suggestions`.

    Images whose labels a person went through come last, and are not exported.

    Args:
        run: id of the ablation's run, or `latest`.
        out: folder of the files; it is created if necessary.
        options: options of the suggestion.
        console: console for progress and warnings.

    Returns:
        Number of exported images, and of all images.

    Raises:
        SissiError: there is no such ablation, its images or labels cannot be used, or a person went through all.
    """
    problems = Problems()
    store = open_existing_store(options.store)
    ablation = read_ablation(store, run, options.overrides)
    corrected = corrected_labels(ablation, options.store, problems)
    if not corrected.images.keys() - corrected.by_hand:
        raise SissiError(f"run {ablation.run.id}: every image is among those of data.target_corrected; none is left")
    detectors = trained_detectors(store, corrected, problems) if options.views else {}
    with image_bar(console, len(corrected.images)) as advance:
        by_image = {name: disagreement_of(members) for name, members in committees(corrected, detectors, advance)}
    ranked = rank(corrected, by_image)
    count = min(options.count, sum(image.name not in corrected.by_hand for image in ranked))
    write_suggestions(ranked, out, count, options.format, classes=corrected.experiment.class_names)
    for line in problems.summary():
        console.print(f"warning {line}", markup=False, highlight=False, soft_wrap=True)
    return count, len(ranked)


def rank(corrected: CorrectedLabels, by_image: Mapping[str, Disagreement]) -> list[Suggestion]:
    """Images in descending order of their scores, then of their names; images that a person went through are last."""
    order = sorted(by_image, key=lambda name: (name in corrected.by_hand, -by_image[name].score, name))
    return [Suggestion(name, corrected.images[name], by_image[name], corrected.reading) for name in order]
