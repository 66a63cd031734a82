"""Tuning from the corrected images to its result: the command `sissi tune`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import optuna

from sissi.boxes import Boxes
from sissi.config import WeakLabels
from sissi.data.sample import Sample, digest
from sissi.errors import DataError
from sissi.runtime.cache import Cache, Entry, cache_folder
from sissi.runtime.journal import Journal
from sissi.search.tuning.fit import cell_size_for, fit
from sissi.search.tuning.outputs import Tuning, Way
from sissi.search.tuning.scoring import Scorer
from sissi.search.tuning.space import Space
from sissi.search.tuning.stored import StoredStudy
from sissi.search.tuning.validation import FOLDS, HeldOut, cross_validate

FEWEST = 2
"""Smallest number of corrected images: one to fit settings to, and one to hold out."""


@dataclass(frozen=True)
class Options:
    """Options of a tuning.

    Attributes:
        given: settings that stay as they are; what they leave open is searched.
        trials: number of trials of the study, and of each fold of the cross-validation.
        seed: seed of folds and sampler.
        folder: folder of tracking, for the study and the work so far.
    """

    given: WeakLabels
    trials: int
    seed: int
    folder: Path


def corrected_images(samples: Sequence[Sample], truth: Sequence[Boxes | None]) -> list[Sample]:
    """The images that the truth lists, with their true boxes.

    Raises:
        DataError: there are too few with cells.
    """
    corrected = [replace(one, boxes=boxes) for one, boxes in zip(samples, truth, strict=True) if boxes is not None]
    with_cells = sum(len(sample.boxes) > 0 for sample in corrected)
    if with_cells < FEWEST:
        raise DataError(
            f"--truth lists cells for {with_cells} of the {len(samples)} images; tuning needs at least {FEWEST} "
            "corrected images with cells, and 5 to 10 are good: `sissi suggest IMAGES` names some"
        )
    return corrected


def total_trials(images: int, trials: int) -> int:
    """Number of trials of a tuning, with those of its cross-validation."""
    return trials * (1 + min(FOLDS, images))


def tune(
    corrected: Sequence[Sample],
    untuned: WeakLabels,
    options: Options,
    advance: Callable[[], None],
    notify: Callable[[str], None],
) -> Tuning:
    """Fit settings to the corrected images, and measure by cross-validation whether they are better than untuned ones.

    Args:
        corrected: corrected images with their true boxes, see `corrected_images`.
        untuned: the given settings with every size: as given, or as estimated from all images.
        options: options of the tuning.
        advance: function that is called after each trial.
        notify: function that shows a sentence to the user.
    """
    logging.getLogger("optuna").setLevel(logging.WARNING)
    space = Space(options.given)
    entry = _entry(corrected, options)
    with entry.lock(notify):
        scorer = Scorer(corrected, Journal(entry.folder))
        stored = StoredStudy(f"tune-{entry.digest[:8]}", options.folder)

        def ended(trial: optuna.trial.FrozenTrial) -> None:
            stored.add(trial)
            advance()

        order = np.random.default_rng(options.seed).permutation(len(corrected)).tolist()
        fitted = fit(space, scorer, order, options.trials, options.seed, ended)
        as_given = HeldOut("as given", tuple(scorer.counts(untuned, range(len(corrected)))))
        alone, tuned = cross_validate(space, scorer, options.trials, options.seed, advance)
        entry.finish({"trials": options.trials})
    size = cell_size_for(options.given, scorer, order)
    ways = [
        Way(as_given, options.given),
        Way(alone, options.given.model_copy(update={"cell_size": size})),
        Way(tuned, fitted.settings),
    ]
    return Tuning(tuple(ways[::2] if options.given.cell_size != "auto" else ways), size, fitted.study, stored.address)


def _entry(corrected: Sequence[Sample], options: Options) -> Entry:
    """Place of the counts: everything that the trials depend on, without their number."""
    cache = Cache(cache_folder(options.folder))
    content = {
        "images": digest(corrected, cache),
        "given": options.given.model_dump(mode="json"),
        "seed": options.seed,
        "optuna": optuna.__version__,
    }
    return cache.entry("tuning", content)
