"""How sure detections are, and how complete the labels of each image, estimated from the labels in doubt alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit

from sissi.boxes import Boxes, iou, match, scale
from sissi.data.sample import Sample
from sissi.evaluation.label_trust import Completeness, at_border, estimate_trust
from sissi.inference.audit.completeness import ImageCompleteness, image_completeness
from sissi.inference.audit.pairing import SAME, pair

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
ROUNDS = 3
"""Rounds in which certainty and completeness, each estimated from the other, settle."""
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

    A detection finds a label with the probability p c, where c is the completeness of the labels at the border of the
    images or inside; see `sissi.evaluation.label_trust`. Here p is a logistic function of the score and of the overlap
    with labels of other cells, since a cell may be found twice. Without an estimate of c, detections are as sure as
    their scores.

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
    partner = [match(boxes, one, SAME) for boxes, one in zip(seen, labels, strict=True)]
    labelled = [one >= 0 for one in partner]
    # a detection near a label, but not the same box, says neither that its cell has a label nor that it has none
    clear = [has | (pair(*one) < 0) for has, one in zip(labelled, zip(seen, labels, strict=True), strict=True)]
    scores = [boxes.scores.astype(np.float64) for boxes in detections]
    every = trust.all.recall if np.isfinite(trust.all.recall) else 0.5
    recalls = [one.recall if np.isfinite(one.recall) else every for one in trust.strata.values()]
    inside, border = np.clip(recalls, TINY, HIGHEST)
    usual = [np.where(at_border(boxes, height, width), border, inside) for boxes in seen]
    beside = [_overlap_beside(*one) for one in zip(seen, labels, partner, strict=True)]
    probabilities, expected, completeness = scores, usual, []
    for _ in range(ROUNDS):
        if np.isfinite(trust.all.recall):
            probabilities = _of_images(scores, beside, labelled, expected, clear)
        counted = [p * one for p, one in zip(probabilities, clear, strict=True)]
        completeness = image_completeness(counted, labelled, usual, float(np.clip(every, TINY, HIGHEST)))
        expected = [one.of_detections @ one.weights for one in completeness]
    return Certainty(probabilities, completeness, trust.all)


def _overlap_beside(boxes: Boxes, labels: Boxes, partner: npt.NDArray[np.int64]) -> Array:
    """Largest IoU of each detection with a label that is not its own, shape (N,)."""
    overlaps = iou(boxes, labels).astype(np.float64)
    found = np.flatnonzero(partner >= 0)
    overlaps[found, partner[found]] = 0
    return np.asarray(overlaps.max(axis=1, initial=0), np.float64)


def _of_images(
    scores: list[Array], beside: list[Array], labelled: list[Mask], completeness: list[Array], clear: list[Mask]
) -> list[Array]:
    """`logistic_certainty` of the detections of each image, learnt from those whose label is clear."""
    known, score, overlap = np.concatenate(clear), np.concatenate(scores), np.concatenate(beside)
    has, complete = np.concatenate(labelled)[known], np.concatenate(completeness)[known]
    certain = logistic_certainty(score[known], overlap[known], has, complete)
    return [*np.split(certain(score, overlap), np.cumsum([len(one) for one in scores])[:-1])]


def logistic_certainty(
    scores: Array, overlaps: Array, labelled: Mask, completeness: Array
) -> Callable[[Array, Array], Array]:
    """Probability that a detection is a cell: the logistic function that makes the labels most likely.

    A detection has a label with that probability times the completeness.

    Args:
        scores: scores of the detections, shape (N,), in [0, 1].
        overlaps: largest IoU of each with a label of another cell, shape (N,).
        labelled: whether each has a label, shape (N,).
        completeness: share of the cells like it that have a label, shape (N,), in (0, 1).

    Returns:
        Function of scores and overlaps, shape (M,) each.
    """

    def probability(parameters: Array, scores: Array, overlaps: Array) -> Array:
        offset, log_slope, of_overlap = parameters
        known = logit(np.clip(scores, TINY, 1 - TINY))
        return np.asarray(expit(offset + np.exp(log_slope) * known + of_overlap * overlaps), np.float64)

    def surprise(parameters: Array) -> float:
        found = np.clip(completeness * probability(parameters, scores, overlaps), TINY**2, 1 - TINY**2)
        return -float(np.where(labelled, np.log(found), np.log(1 - found)).sum())

    best = minimize(surprise, np.zeros(3), method="Nelder-Mead").x
    return partial(probability, best)
