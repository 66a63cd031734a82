"""How complete weak labels are, and how sure detections, estimated from the weak labels alone (Elkan & Noto, KDD 2008).

A detection finds a label with the probability r(s) = p(s) c: that it is a cell, p, which grows with its score s, times
the recall c of the labels. Where detections are sure, r(s) reaches a plateau, and its height is c. So p(s) = r(s) / c,
without anybody who looks at the images. Labels that miss cells at the border of the image more often than inside have
another c there, so both strata are estimated apart.

What the detector has learnt to take for a cell counts as one: systematic errors of the labels stay hidden, unless a
person has corrected some images. There p(s) is the share of detections that are cells, and c follows from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from sissi.boxes import EMPTY, Boxes, match
from sissi.evaluation.bootstrap import COVERAGE, image_weights
from sissi.evaluation.border import at_border, border_counts

Array = npt.NDArray[np.float64]
STRATA = ("inside", "border")
"""Strata of detections by their place; a cell at the border is one that the edge of the image may cut."""
LEAST = 20
"""Smallest number of detections from which the recall of a stratum is estimated."""
CAUTION = 3.0
"""Standard errors below a share at which shares of few detections are compared with those of many."""
RESAMPLES = 200


@dataclass(frozen=True)
class Completeness:
    """Estimate of the share of cells that have a label.

    Attributes:
        recall: estimated recall of the labels; NaN where it cannot be estimated.
        low, high: ends of the 95 % interval, over resamples of the images.
    """

    recall: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class LabelTrust:
    """What detections and weak labels say about each other.

    Attributes:
        probabilities: estimated probability that a detection is a cell, for each image, shape (N,), float32; 0 in a
            stratum without an estimate.
        strata: completeness of the labels by stratum.
        all: completeness of the labels in all strata together.
        labels: number of weak labels.
        supported: share of the weak labels that a detection confirms; precision is at least about as high. NaN without
            labels.
    """

    probabilities: tuple[npt.NDArray[np.float32], ...]
    strata: dict[str, Completeness]
    all: Completeness
    labels: int
    supported: float


def estimate_trust(
    detections: Sequence[Boxes],
    labels: Sequence[Boxes],
    height: float,
    width: float,
    iou: float = 0.5,
    corrected: Sequence[int] = (),
    seed: int = 0,
    uniform: bool = False,
    least: int = LEAST,
) -> LabelTrust:
    """Estimate completeness of weak labels and probabilities of detections.

    Args:
        detections: detections in each image down to low scores, best on images that the detector was not trained on;
            memorised labels let labels seem more complete than they are, and detections less sure.
        labels: weak labels of each image, or corrected ones, in px.
        height: height of the images, in px.
        width: width of the images, in px.
        iou: smallest IoU at which a detection finds a label.
        corrected: indices of the images whose labels a person corrected. With at least `LEAST` detections in them,
            probabilities are those of cells there, and completeness is that of the labels of the other images.
        seed: seed of the resamples of the intervals.
        uniform: whether the recall of the labels at the border is at most that inside times the share of labels that
            are there of those that uniformly placed cells would have (`sissi.evaluation.border`), if that is below 1
            with 97.5 % confidence. A detector that learns from the labels to leave these cells out does not show it.
        least: smallest number of detections from which the recall of a stratum is estimated.
    """
    image = np.repeat(np.arange(len(detections)), [len(boxes) for boxes in detections])
    scores = np.concatenate([np.zeros(0), *(boxes.scores for boxes in detections)])
    pairs = [match(boxes, weak, iou) for boxes, weak in zip(detections, labels, strict=True)]
    found = np.concatenate([np.zeros(0), *(pair >= 0 for pair in pairs)])
    border_box = np.concatenate([np.zeros(0, bool), *(at_border(boxes, height, width) for boxes in detections)])
    label_border = np.concatenate([np.zeros(0, bool), *(at_border(boxes, height, width) for boxes in labels)])
    label_image = np.repeat(np.arange(len(labels)), [len(boxes) for boxes in labels])
    images = len(labels)
    drawn = image_weights(images, RESAMPLES, np.random.default_rng(seed))
    weights = np.concatenate([np.ones((1, images)), drawn])

    probabilities = np.zeros(len(scores))
    recalls: dict[str, Array] = {}
    counts: dict[str, Array] = {}
    known = np.isin(image, corrected)
    weak = ~np.isin(label_image, corrected)
    for name, border in zip(STRATA, (False, True), strict=True):
        rows = np.flatnonzero(border_box == border)
        rows = rows[np.argsort(-scores[rows], kind="stable")]
        counts[name] = weights[:, label_image[weak & (label_border == border)]].sum(axis=1)
        if np.count_nonzero(known) >= LEAST:
            of_stratum = rows[known[rows]]
            learnt = of_stratum if len(of_stratum) >= LEAST else np.flatnonzero(known)
            values = np.array([_shares(scores[learnt], found[learnt], w[image[learnt]], scores[rows]) for w in weights])
            probabilities[rows] = values[0]
            others = ~known[rows]
            drawn_rows = weights[:, image[rows[others]]]
            with np.errstate(invalid="ignore", divide="ignore"):
                expected = (drawn_rows * values[:, others]).sum(axis=1)
                recalls[name] = np.minimum(1, drawn_rows @ found[rows[others]] / expected)
            continue
        first = rows[: _plateau(found[rows], least)]
        with np.errstate(invalid="ignore"):
            recalls[name] = weights[:, image[first]] @ found[first] / weights[:, image[first]].sum(axis=1)
        if uniform and border:
            weak_labels = [EMPTY if index in corrected else boxes for index, boxes in enumerate(labels)]
            limit = recalls[STRATA[0]] * _border_share(weak_labels, height, width, weights)
            recalls[name] = np.where(limit < recalls[name], limit, recalls[name])
        if len(rows) and recalls[name][0] > 0:
            rates = isotonic_regression(found[rows], increasing=False).x
            probabilities[rows] = np.minimum(1, rates / recalls[name][0])
    ends = np.cumsum([len(boxes) for boxes in detections])[:-1]
    confirmed = np.count_nonzero(found[~np.isin(image, corrected)])
    total = int(np.count_nonzero(weak))
    return LabelTrust(
        probabilities=tuple(part.astype(np.float32) for part in np.split(probabilities, ends)),
        strata={name: _completeness(values) for name, values in recalls.items()},
        all=_completeness(_together(counts, recalls)),
        labels=total,
        supported=confirmed / total if total else float("nan"),
    )


def _border_share(labels: Sequence[Boxes], height: float, width: float, weights: Array) -> Array:
    """Share of labels at the border that are there of those to be expected, for each row of weights.

    It is infinite where as many may be there as inside.
    """
    found, expected = border_counts(labels, height, width)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = (weights @ found) / (weights @ expected)
    if found.sum() < LEAST or not np.quantile(shares[1:], (1 + COVERAGE) / 2) < 1:
        return np.full(len(weights), np.inf)
    return np.minimum(1, shares)


def _shares(scores: Array, found: Array, weights: Array, wanted: Array) -> Array:
    """Share of detections that find a label, as a function of the score that never falls, at other scores.

    Args:
        scores: scores of the detections, shape (N,).
        found: whether each finds a label, shape (N,).
        weights: number of times that each counts, shape (N,).
        wanted: scores at which the share is wanted, shape (M,).

    Returns:
        Shares, linear between the scores, shape (M,); NaN if nothing counts.
    """
    order = np.argsort(scores, kind="stable")
    order = order[weights[order] > 0]
    if not len(order):
        return np.full(len(wanted), np.nan)
    rates = isotonic_regression(found[order], weights=weights[order], increasing=True).x
    return np.asarray(np.interp(wanted, scores[order], rates), np.float64)


def _plateau(found: Array, least: int = LEAST) -> int:
    """Number of detections on the plateau; 0: too few detections.

    More detections lower the share that finds a label once they are less sure, and raise its lower confidence bound
    until then. So the number with the highest bound (Wilson's) is the end of the plateau.

    Args:
        found: whether each detection finds a label, in the order of falling scores, shape (N,).
        least: smallest number.
    """
    number = np.arange(least, len(found) + 1)
    if not len(number):
        return 0
    share = np.cumsum(found)[least - 1 :] / number
    z = CAUTION
    spread = z * np.sqrt(share * (1 - share) / number + z**2 / (4 * number**2))
    bound = (share + z**2 / (2 * number) - spread) / (1 + z**2 / number)
    return int(number[bound.argmax()])


def _together(counts: dict[str, Array], recalls: dict[str, Array]) -> Array:
    """Recall over all strata: labels / (labels / recall), summed over the strata that have labels."""
    labels = np.sum(list(counts.values()), axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        cells = sum(np.where(counts[name] > 0, counts[name] / recalls[name], 0) for name in counts)
        return np.asarray(labels / cells, np.float64)


def _completeness(values: Array) -> Completeness:
    """Estimate from its value on all images and on resamples of them."""
    known = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or not len(known):
        return Completeness(float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(known, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Completeness(float(values[0]), float(low), float(high))
