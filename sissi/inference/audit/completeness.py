"""How complete the labels of each image are: their cells have labels more or less often than those of all images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit, logsumexp, softmax

Array = npt.NDArray[np.float64]
OFFSETS = np.linspace(-6, 6, 61)
"""Logits by which the completeness of an image may differ from that of all images."""
SPREADS = (0.05, 4.0)
"""Smallest and largest standard deviation of these logits over the images."""
TINY = 1e-12


@dataclass(frozen=True, eq=False)
class ImageCompleteness:
    """Share of the cells of an image that have a label, as a distribution over K values.

    Attributes:
        of_detections: each value for a cell like each detection, shape (N, K), in (0, 1).
        of_cells: each value for a cell of the image, shape (K,).
        weights: probability of each value, shape (K,), with the sum 1.
    """

    of_detections: Array
    of_cells: Array
    weights: Array

    @property
    def mean(self) -> float:
        """Expected share of the cells that have a label."""
        return float(self.weights @ self.of_cells)


def image_completeness(
    probabilities: Sequence[Array], labelled: Sequence[npt.NDArray[np.bool_]], usual: Sequence[Array], every: float
) -> list[ImageCompleteness]:
    """Completeness of the labels of each image: a random effect on the logit, whose spread the images show themselves.

    Where images differ no more than by chance, all get the usual completeness; where they differ much, each its own.

    Args:
        probabilities: probability that each detection of an image is a cell, shape (N,) each.
        labelled: whether each has a label, shape (N,) each.
        usual: share of the cells like each detection that have a label in all images, shape (N,) each, in (0, 1).
        every: share of the cells of all images that have a label, in (0, 1).
    """
    shares = [expit(logit(one)[:, None] + OFFSETS) for one in usual]
    likelihoods = np.array(
        [_log_likelihood(*one) for one in zip(probabilities, labelled, shares, strict=True)]
    )  # (images, K)

    def surprise(log_spread: float) -> float:
        return -float(logsumexp(likelihoods + _log_prior(np.exp(log_spread)), axis=1).sum())

    spread = np.exp(minimize_scalar(surprise, bounds=np.log(SPREADS), method="bounded").x)
    posteriors = softmax(likelihoods + _log_prior(spread), axis=1)
    of_cells = expit(logit(every) + OFFSETS)
    return [ImageCompleteness(share, of_cells, weights) for share, weights in zip(shares, posteriors, strict=True)]


def _log_likelihood(probability: Array, labelled: npt.NDArray[np.bool_], shares: Array) -> Array:
    """Logarithm of the probability of the labels of an image for each value of its completeness, shape (K,)."""
    found = np.clip(probability[:, None] * shares, TINY, 1 - TINY)
    return np.asarray(np.where(labelled[:, None], np.log(found), np.log1p(-found)).sum(axis=0), np.float64)


def _log_prior(spread: float) -> Array:
    """Logarithm of the normal distribution of the offsets, shape (K,)."""
    density = -((OFFSETS / spread) ** 2) / 2
    return np.asarray(density - logsumexp(density), np.float64)
