"""Choice of few images that stand for many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]


def representatives(features: Floats, weights: Floats, count: int) -> list[int]:
    """Choose images so that each image has a chosen one that is like it.

    This is the greedy solution of the facility location problem (Nemhauser, Wolsey and Fisher 1978): each step takes
    the image that most reduces the weighted sum of distances from the images to their nearest chosen ones. So the
    first is a typical image, and each further one stands for images that are unlike those before. Distances are
    between ranks, so that neither units nor outliers matter.

    Args:
        features: values of each image, shape (N, F); one that is not known (NaN) counts as typical.
        weights: importance of each image, shape (N,), not negative.
        count: number of images to be chosen.

    Returns:
        Indices of min(count, N) images, in the order in which they are chosen.
    """
    ranks = np.column_stack([_ranks(column) for column in features.T])
    distances = np.linalg.norm(ranks[:, None] - ranks[None], axis=2)
    nearest = np.full(len(features), np.sqrt(features.shape[1]))
    chosen: list[int] = []
    for _ in range(min(count, len(features))):
        costs = weights @ np.minimum(nearest[:, None], distances)
        costs[chosen] = np.inf
        chosen.append(int(np.argmin(costs)))
        nearest = np.minimum(nearest, distances[:, chosen[-1]])
    return chosen


def _ranks(column: Floats) -> Floats:
    """Ranks in [0, 1], equal for equal values; 0.5 for NaN."""
    known = np.isfinite(column)
    ranks = np.full(len(column), 0.5)
    ranks[known] = (rankdata(column[known]) - 0.5) / max(1, known.sum())
    return ranks
