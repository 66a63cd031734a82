"""Where to look next: the images of an ablation whose correction by hand would help most; what `sissi suggest` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from sissi.active_learning.committee import CorrectedLabels, committees, corrected_labels, trained_detectors
from sissi.active_learning.disagreement import Disagreement, disagreement_of
from sissi.active_learning.outputs import Suggestion, write_suggestions
from sissi.data.formats import FORMATS
from sissi.data.problems import Problems
from sissi.errors import DataError
from sissi.results.stored_ablation import read_ablation
from sissi.runtime.progress import image_bar
from sissi.tracking import open_store


@dataclass(frozen=True)
class Options:
    """How to suggest.

    Attributes:
        count: images to be exported for correction.
        format: of their label files, such as label_studio or cvat.
        views: whether what the trained detectors find in each view of an image counts too; it takes their time.
        store: folder of the MLflow store.
        overrides: of the ablation's experiment, such as data.folder=... where the images have moved.
    """

    count: int
    format: str
    views: bool
    store: Path
    overrides: Sequence[str]


def suggest(run: str, out: Path, options: Options, console: Console) -> list[Suggestion]:
    """Rank the target training images of an ablation and export the first ones; see `write_suggestions`.

    Args:
        run: id of the ablation's run, or `latest`.
        out: folder, made if it is missing.
        options: how.
        console: shows how far it is, and warnings.

    Returns:
        All images, the one with the most in question first.

    Raises:
        SissiError: there is no such ablation, or its images or labels cannot be used.
    """
    if options.format not in FORMATS:
        raise DataError(f"--format {options.format}: no such label format; there are {', '.join(FORMATS)}")
    problems = Problems()
    store = open_store(options.store)
    ablation = read_ablation(store, run, options.overrides)
    corrected = corrected_labels(ablation, options.store, problems)
    detectors = trained_detectors(store, corrected, problems) if options.views else {}
    with image_bar(console, len(corrected.images)) as advance:
        doubts = {name: disagreement_of(members) for name, members in committees(corrected, detectors, advance)}
    ranked = rank(corrected, doubts)
    write_suggestions(ranked, out, options.count, options.format)
    for line in problems.summary():
        console.print(f"warning {line}", markup=False, highlight=False, soft_wrap=True)
    return ranked


def rank(corrected: CorrectedLabels, doubts: Mapping[str, Disagreement]) -> list[Suggestion]:
    """The images, the one with the most in question first; equal ones by name."""
    order = sorted(doubts, key=lambda name: (-doubts[name].score, name))
    return [Suggestion(name, corrected.images[name], doubts[name], corrected.reading) for name in order]
