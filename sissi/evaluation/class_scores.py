"""Scores of each class of cells, and their mean, with intervals."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sissi.boxes import Boxes
from sissi.config.classes import MEAN
from sissi.evaluation.bootstrap import Resampled, bootstrap, matches, percentiles
from sissi.evaluation.metrics import COCO_LIMIT, TABLE_METRICS, of_class
from sissi.evaluation.pycocotools_metrics import pycocotools_metrics


@dataclass(frozen=True)
class ClassScore:
    """COCO's scores of one class for one reader, or their mean over classes; fractions, NaN without a true box.

    Attributes:
        name: of the class, or `mean`.
        cells: number of true boxes.
        AP50, AP75, AP, AR: as in `CocoMetrics`, by pycocotools.
        AP50_low, AP50_high, AP_low, AP_high: ends of 95 % intervals by a bootstrap over images.
    """

    name: str
    cells: int
    AP50: float
    AP75: float
    AP: float
    AR: float
    AP50_low: float
    AP50_high: float
    AP_low: float
    AP_high: float


def class_scores(predicted: Sequence[Boxes], truth: Sequence[Boxes], names: Sequence[str]) -> list[ClassScore]:
    """Scores of each class, then their mean over the classes that have a true box: COCO's mAP.

    A box counts for its own class alone: a cell of another class is a false one there, and missed in its own.

    Args:
        predicted: boxes with scores, one record per image.
        truth: boxes of one reader, in the same order.
        names: of the classes, from number 1 on.
    """
    by_class = [(of_class(predicted, label), of_class(truth, label)) for label in range(1, len(names) + 1)]
    drawn = [bootstrap(matches(mine, true)) for mine, true in by_class]
    scores = [
        _score(name, mine, true, resampled)
        for name, (mine, true), resampled in zip(names, by_class, drawn, strict=True)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of resamples without any true box the mean is NaN
        mean = np.nanmean(drawn, axis=0)
    return [*scores, _score(MEAN, predicted, truth, mean, len(names))]


def _score(
    name: str, predicted: Sequence[Boxes], truth: Sequence[Boxes], resampled: Resampled, classes: int | None = None
) -> ClassScore:
    values = pycocotools_metrics(predicted, truth, COCO_LIMIT, classes).as_dict()
    ends = {
        f"{metric}_{end}": value
        for metric in ("AP50", "AP")
        for end, value in zip(("low", "high"), percentiles(resampled[1:, TABLE_METRICS.index(metric)]), strict=True)
    }
    return ClassScore(name, sum(map(len, truth)), **{metric: values[metric] for metric in TABLE_METRICS}, **ends)
