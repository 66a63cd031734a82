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
from sissi.evaluation.border import at_border
from sissi.evaluation.label_trust import LEAST, Completeness, estimate_trust
from sissi.inference.audit.image_effects import ImageEffects, image_effects
from sissi.inference.audit.pairing import SAME, pair

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
ROUNDS = 4
"""Rounds in which what holds for all images and what for each, one estimated from the other, settle."""
PLATEAU = 0.1
"""Number of the surest detections from which completeness is estimated at least, as a share of all labels: of few, by
chance, nearly all find a label or hardly any."""
HIGHEST = 0.99
"""Highest usual completeness: a label may be missing even where every detection has one."""
TINY = 1e-4
"""Distance of scores from 0 and 1, whose logits are infinite."""


@dataclass(frozen=True, eq=False)
class Certainty:
    """What detections and labels in doubt say about each other.

    Attributes:
        images: how sure the detections of each image are, and how complete its labels.
        all: completeness of all images together; NaN where too few detections find a label for an estimate.
    """

    images: Sequence[ImageEffects]
    all: Completeness


def certainty(detections: Sequence[Boxes], samples: Sequence[Sample], size: tuple[int, int]) -> Certainty:
    """Estimate how sure detections are, and how complete labels.

    A detection finds a label with the probability p c, where c is the completeness of the labels at the border of the
    images or inside; see `sissi.evaluation.label_trust`. Here p is a logistic function of the score and of the overlap
    with labels of other cells, since a cell may be found twice. Both differ from image to image. Without an estimate
    of c, detections are usually as sure as their scores.

    Args:
        detections: out-of-fold detections in each image down to low scores, in px of the image file.
        samples: the images with the labels in doubt.
        size: height and width of the images as the detectors saw them, in px.
    """
    height, width = size
    factors = [(width / sample.width, height / sample.height) for sample in samples]
    seen = [scale(boxes, *factor) for boxes, factor in zip(detections, factors, strict=True)]
    labels = [scale(sample.boxes, *factor) for sample, factor in zip(samples, factors, strict=True)]
    least = max(LEAST, round(PLATEAU * sum(map(len, labels))))
    trust = estimate_trust(seen, labels, height, width, SAME, least=least)
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
    logits = [logit(np.clip(one, TINY, 1 - TINY)) for one in scores]
    expected, surer, images = usual, [np.zeros(len(one)) for one in scores], []
    for _ in range(ROUNDS):
        if np.isfinite(trust.all.recall):
            logits = _of_images(scores, beside, labelled, expected, surer, clear)
        images = image_effects(logits, labelled, clear, usual, float(np.clip(every, TINY, HIGHEST)))
        expected = [one.of_detections for one in images]
        surer = [np.full(len(one), image.surer) for one, image in zip(scores, images, strict=True)]
    return Certainty(images, trust.all)


def _overlap_beside(boxes: Boxes, labels: Boxes, partner: npt.NDArray[np.int64]) -> Array:
    """Largest IoU of each detection with a label that is not its own, shape (N,)."""
    overlaps = iou(boxes, labels).astype(np.float64)
    found = np.flatnonzero(partner >= 0)
    overlaps[found, partner[found]] = 0
    return np.asarray(overlaps.max(axis=1, initial=0), np.float64)


def _of_images(
    scores: list[Array],
    beside: list[Array],
    labelled: list[Mask],
    completeness: list[Array],
    surer: list[Array],
    clear: list[Mask],
) -> list[Array]:
    """`logistic_certainty` of the detections of each image, learnt from those whose label is clear."""
    known, score, overlap = np.concatenate(clear), np.concatenate(scores), np.concatenate(beside)
    has, complete, more = np.concatenate(labelled), np.concatenate(completeness), np.concatenate(surer)
    certain = logistic_certainty(score[known], overlap[known], has[known], complete[known], more[known])
    return [*np.split(certain(score, overlap), np.cumsum([len(one) for one in scores])[:-1])]


def logistic_certainty(
    scores: Array, overlaps: Array, labelled: Mask, completeness: Array, surer: Array
) -> Callable[[Array, Array], Array]:
    """Logit of the probability that a detection is a cell: the linear function that makes the labels most likely.

    A detection has a label with that probability times the completeness.

    Args:
        scores: scores of the detections, shape (N,), in [0, 1].
        overlaps: largest IoU of each with a label of another cell, shape (N,).
        labelled: whether each has a label, shape (N,).
        completeness: share of the cells like it that have a label, shape (N,), in (0, 1).
        surer: logit by which detections in the image of each are surer than others, shape (N,).

    Returns:
        Function of scores and overlaps, shape (M,) each.
    """

    def in_logits(parameters: Array, scores: Array, overlaps: Array) -> Array:
        offset, log_slope, of_overlap = parameters
        known = logit(np.clip(scores, TINY, 1 - TINY))
        return np.asarray(offset + np.exp(log_slope) * known + of_overlap * overlaps, np.float64)

    def surprise(parameters: Array) -> float:
        probability = expit(in_logits(parameters, scores, overlaps) + surer)
        found = np.clip(completeness * probability, TINY**2, 1 - TINY**2)
        return -float(np.where(labelled, np.log(found), np.log(1 - found)).sum())

    best = minimize(surprise, np.zeros(3), method="Nelder-Mead").x
    return partial(in_logits, best)
