"""How sure detections are, and how complete the labels of each image, estimated from the labels in doubt alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit

from sissi.boxes import Boxes, scale
from sissi.data.sample import Sample
from sissi.evaluation.label_trust import Completeness, at_border, estimate_trust
from sissi.inference.audit.completeness import ImageCompleteness, image_completeness
from sissi.inference.audit.pairing import SAME, pair

Array = npt.NDArray[np.float64]
HIGHEST = 0.99
"""Highest usual completeness: a label may be missing even where every detection has one."""
TINY = 1e-4
"""Distance of scores from 0 and 1, whose logits are infinite."""


@dataclass(frozen=True, eq=False)
class Certainty:
    """What detections and labels in doubt say about each other.

    Attributes:
        probabilities: probability that each detection is a cell, for each image, shape (N,).
        completeness: share of the cells of each image that have a label.
        all: the same of all images together; NaN where too few detections find a label for an estimate.
    """

    probabilities: Sequence[Array]
    completeness: Sequence[ImageCompleteness]
    all: Completeness


def certainty(detections: Sequence[Boxes], samples: Sequence[Sample], size: tuple[int, int]) -> Certainty:
    """Estimate how sure detections are, and how complete labels.

    A detection finds a label with the probability p(s) c, where c is the completeness of the labels at the border of
    the images or inside; see `sissi.evaluation.label_trust`. Here p is a logistic function of the score s, so that it
    orders detections as their scores do. Without an estimate of c, detections are as sure as their scores.

    Args:
        detections: out-of-fold detections in each image down to low scores, in px of the image file.
        samples: the images with the labels in doubt.
        size: height and width of the images as the detectors saw them, in px.
    """
    height, width = size
    factors = [(width / sample.width, height / sample.height) for sample in samples]
    seen = [scale(boxes, *factor) for boxes, factor in zip(detections, factors, strict=True)]
    labels = [scale(sample.boxes, *factor) for sample, factor in zip(samples, factors, strict=True)]
    trust = estimate_trust(seen, labels, height, width, SAME)
    labelled = [pair(boxes, one) >= 0 for boxes, one in zip(seen, labels, strict=True)]
    scores = [boxes.scores.astype(np.float64) for boxes in detections]
    every = trust.all.recall
    if np.isfinite(every):
        recalls = [one.recall if np.isfinite(one.recall) else every for one in trust.strata.values()]
        inside, border = np.clip(recalls, TINY, HIGHEST)
        usual = [np.where(at_border(boxes, height, width), border, inside) for boxes in seen]
        ends = np.cumsum([len(boxes) for boxes in seen])[:-1]
        together = logistic_certainty(np.concatenate(scores), np.concatenate(labelled), np.concatenate(usual))
        probabilities = np.split(together, ends)
    else:
        probabilities, every = scores, 0.5
        usual = [np.full(len(boxes), every) for boxes in seen]
    completeness = image_completeness(probabilities, labelled, usual, min(every, HIGHEST))
    return Certainty(probabilities, completeness, trust.all)


def logistic_certainty(scores: Array, labelled: npt.NDArray[np.bool_], completeness: Array) -> Array:
    """Probability that each detection is a cell: the logistic function of its score that makes the labels most likely.

    A detection has a label with that probability times the completeness.

    Args:
        scores: scores of the detections, shape (N,), in [0, 1].
        labelled: whether each has a label, shape (N,).
        completeness: share of the cells like it that have a label, shape (N,), in (0, 1).
    """
    known = logit(np.clip(scores, TINY, 1 - TINY))

    def probability(parameters: Array) -> Array:
        return np.asarray(expit(parameters[0] + np.exp(parameters[1]) * known), np.float64)

    def surprise(parameters: Array) -> float:
        found = np.clip(completeness * probability(parameters), TINY**2, 1 - TINY**2)
        return -float(np.where(labelled, np.log(found), np.log(1 - found)).sum())

    return probability(minimize(surprise, np.zeros(2), method="Nelder-Mead").x)
