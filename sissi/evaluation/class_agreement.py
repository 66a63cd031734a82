"""Agreement of two annotations on the classes of the cells that both have: Cohen's kappa."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes
from sissi.evaluation.bootstrap import RESAMPLES, image_weights, percentiles
from sissi.evaluation.confusion import confusion


@dataclass(frozen=True)
class ClassAgreement:
    """Agreement on classes.

    Attributes:
        kappa: Cohen's kappa (*Educational and Psychological Measurement* 20, 1960): 1 for full agreement, 0 for that of
            chance; NaN where both name one class only, or no cell is matched.
        low, high: ends of its 95 % interval, by a bootstrap over images; NaN if there is none.
        agreed: share of matched cells of which both name the same class; NaN without any.
        cells: number of matched cells.
    """

    kappa: float
    low: float
    high: float
    agreed: float
    cells: int


def class_agreement(first: Sequence[Boxes], second: Sequence[Boxes], classes: int, *, seed: int = 0) -> ClassAgreement:
    """Agreement of two annotations of the same images on the classes of the cells that match at IoU 0.5.

    Args:
        first: boxes of one annotation, one record per image.
        second: boxes of the other, in the same order.
        classes: number of classes.
        seed: of the bootstrap.
    """
    pairs = zip(first, second, strict=True)
    by_image = np.array([confusion([mine], [theirs], classes)[:-1, :-1] for mine, theirs in pairs])
    by_image = by_image.reshape(-1, classes, classes)
    images = len(by_image)
    total = by_image.sum(axis=0)
    cells = int(total.sum())
    drawn = image_weights(images, RESAMPLES, np.random.default_rng([seed, images])) if images else np.zeros((0, 0))
    low, high = percentiles(_kappa(np.tensordot(drawn, by_image, axes=1)))
    agreed = float(np.trace(total) / cells) if cells else float("nan")
    return ClassAgreement(float(_kappa(total[None])[0]), low, high, agreed, cells)


def _kappa(tables: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Cohen's kappa of each table of counts (N, K, K), shape (N,); NaN where it is not defined."""
    cells = tables.sum(axis=(1, 2))
    same = np.trace(tables, axis1=1, axis2=2)
    by_chance = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1)
    gain, room = same * cells - by_chance, cells.astype(np.float64) ** 2 - by_chance
    kappa: npt.NDArray[np.float64] = np.divide(gain, room, out=np.full(len(tables), np.nan), where=room > 0)
    return kappa
