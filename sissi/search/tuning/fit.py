"""Settings fitted to some of the corrected images by an Optuna study."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from sissi.config import WeakLabels
from sissi.search.tuning.scoring import Counts, Scorer, total
from sissi.search.tuning.space import Space

STARTUP = 4
"""Number of random trials for each pipeline before the sampler learns from the trials."""
AT_ONCE = 2
"""Number of images that are labelled before a trial may be stopped."""
P_PRUNED = 0.1
"""A trial is stopped when it is worse than the best one with a p-value below this (Wilcoxon's signed-rank test over
the images)."""


@dataclass(frozen=True)
class Fitted:
    """Result of a study.

    Attributes:
        study: its trials, in memory.
        settings: settings of the best trial.
    """

    study: optuna.Study
    settings: WeakLabels


def fit(
    space: Space, scorer: Scorer, which: Sequence[int], trials: int, seed: int, ended: Callable[[FrozenTrial], None]
) -> Fitted:
    """Search the settings with the best F1 over some of the images.

    The same arguments give the same trials. What the scorer knows already is not computed again, so that a study
    that was interrupted is soon where it was.

    Args:
        space: search space.
        scorer: counts of the corrected images.
        which: indices of the images that the settings are fitted to; in this order they are looked at.
        trials: number of trials.
        seed: seed of the sampler.
        ended: function that is called after each trial.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=seed, multivariate=True, group=True, n_startup_trials=STARTUP * len(space.pipelines)
        )
        pruner = optuna.pruners.WilcoxonPruner(p_threshold=P_PRUNED)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    for pipeline in space.pipelines:
        study.enqueue_trial(space.untuned(pipeline))
    cell_size = cell_size_for(space.given, scorer, which)
    for _ in range(trials):
        trial = study.ask()
        value = _f1(trial, space.suggest(trial, cell_size), scorer, which)
        study.tell(trial, value, TrialState.PRUNED if value is None else TrialState.COMPLETE)
        ended(study.get_trials(deepcopy=False)[-1])
    return Fitted(study, space.suggest(optuna.trial.FixedTrial(study.best_params), cell_size))


def cell_size_for(given: WeakLabels, scorer: Scorer, which: Sequence[int]) -> float:
    """Size of a cell: as given, else the median of the longer sides of the true boxes of some images, in whole px."""
    if given.cell_size != "auto":
        return given.cell_size
    sides = [np.maximum(scorer.samples[index].boxes.widths, scorer.samples[index].boxes.heights) for index in which]
    return float(max(1, round(float(np.median(np.concatenate(sides))))))


def _f1(trial: Trial, settings: WeakLabels, scorer: Scorer, which: Sequence[int]) -> float | None:
    """F1 over the images; None if the pruner stops the trial."""
    counts: list[Counts] = []
    for start in range(0, len(which), AT_ONCE):
        for found in scorer.counts(settings, which[start : start + AT_ONCE]):
            trial.report(found.f1, len(counts))
            counts.append(found)
        if len(counts) < len(which) and trial.should_prune():
            return None
    return total(counts).f1
