"""How each image differs from all images: in how sure detections are, and in how complete its labels are.

A detection without a label is a missing cell or a false detection. Where an image has many of them, its labels lack
cells, or the detector is wrong there more often than elsewhere, and which of both shows in the scores: missing labels
are missing at every score, false detections have low ones. So both are estimated together, as random effects on the
logits, whose spreads the images show themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit, logsumexp, softmax

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
SURER = np.linspace(-4, 4, 33)
"""Logits by which detections of an image may be surer than those of all images."""
FULLER = np.linspace(-6, 6, 49)
"""Logits by which the labels of an image may be more complete than those of all images."""
SPREADS = (0.05, 4.0)
"""Smallest and largest standard deviation of these logits over the images."""
TINY = 1e-12


@dataclass(frozen=True, eq=False)
class ImageEffects:
    """What is known of an image, as a distribution over J values of the certainty and K of the completeness.

    Attributes:
        certainty: probability that each detection is a cell, for each value, shape (N, J), in [0, 1].
        completeness: share of the cells like each detection that have a label, for each value, shape (N, K), in (0, 1).
        of_cells: share of the cells of the image that have a label, for each value, shape (K,).
        weights: probability of each pair of values, shape (J, K), with the sum 1.
    """

    certainty: Array
    completeness: Array
    of_cells: Array
    weights: Array

    @property
    def probabilities(self) -> Array:
        """Expected probability that each detection is a cell, shape (N,)."""
        return np.asarray(self.certainty @ self.weights.sum(axis=1), np.float64)

    @property
    def of_detections(self) -> Array:
        """Expected share of the cells like each detection that have a label, shape (N,)."""
        return np.asarray(self.completeness @ self.weights.sum(axis=0), np.float64)

    @property
    def mean(self) -> float:
        """Expected share of the cells that have a label."""
        return float(self.weights.sum(axis=0) @ self.of_cells)

    @property
    def surer(self) -> float:
        """Expected logit by which detections are surer than those of all images."""
        return float(self.weights.sum(axis=1) @ SURER)

    def take(self, which: npt.NDArray[np.int64]) -> ImageEffects:
        """The same of some of the detections, by their indices."""
        return ImageEffects(self.certainty[which], self.completeness[which], self.of_cells, self.weights)


def image_effects(
    logits: Sequence[Array], labelled: Sequence[Mask], clear: Sequence[Mask], usual: Sequence[Array], every: float
) -> list[ImageEffects]:
    """How each image differs. Where images differ no more than by chance, all are as usual; else each has its own.

    Args:
        logits: logit of the usual probability that each detection of an image is a cell, shape (N,) each.
        labelled: whether each has a label, shape (N,) each.
        clear: whether each says something about the labels, shape (N,) each.
        usual: share of the cells like each detection that have a label in all images, shape (N,) each, in (0, 1).
        every: share of the cells of all images that have a label, in (0, 1).
    """
    certainty = [expit(one[:, None] + SURER) for one in logits]
    completeness = [expit(logit(one)[:, None] + FULLER) for one in usual]
    likelihoods = np.array(
        [
            _log_likelihood(sure[one], full[one], has[one])
            for sure, full, has, one in zip(certainty, completeness, labelled, clear, strict=True)
        ]
    )  # (images, J, K)

    def surprise(log_spreads: Array) -> float:
        return -float(logsumexp(likelihoods + _log_prior(np.exp(log_spreads)), axis=(1, 2)).sum())

    bounds = [tuple(np.log(SPREADS))] * 2
    spreads = np.exp(minimize(surprise, [-0.5, 0.0], method="Nelder-Mead", bounds=bounds).x)
    posteriors = softmax(likelihoods + _log_prior(spreads), axis=(1, 2))
    of_cells = expit(logit(every) + FULLER)
    return [
        ImageEffects(sure, full, of_cells, weights)
        for sure, full, weights in zip(certainty, completeness, posteriors, strict=True)
    ]


def _log_likelihood(certainty: Array, completeness: Array, labelled: Mask) -> Array:
    """Logarithm of the probability of the labels of an image for each pair of values, shape (J, K)."""
    total = np.zeros((certainty.shape[1], completeness.shape[1]))
    for sure, full, has in zip(certainty, completeness, labelled, strict=True):
        found = np.clip(sure[:, None] * full, TINY, 1 - TINY)
        total += np.log(found) if has else np.log1p(-found)
    return total


def _log_prior(spreads: Array) -> Array:
    """Logarithm of the normal distributions of both effects, shape (J, K)."""
    of_certainty, of_completeness = spreads
    return _log_normal(SURER, of_certainty)[:, None] + _log_normal(FULLER, of_completeness)


def _log_normal(values: Array, spread: float) -> Array:
    density = -((values / spread) ** 2) / 2
    return np.asarray(density - logsumexp(density), np.float64)
