"""Doubtful cells: found, but not surely enough for a label; they travel with the labels under a class of their own."""

from __future__ import annotations

import numpy as np

from sissi.boxes import Boxes, concatenate, make_boxes
from sissi.config import Experiment

DOUBTFUL = -1
"""The class of a doubtful box; what a detector learns has classes from 1 on."""


def split(found: Boxes, experiment: Experiment) -> tuple[Boxes, Boxes]:
    """The boxes that are sure enough for labels, and the doubtful ones, where these are to be ignored."""
    score, lowest = experiment.pseudo_labels.score, experiment.self_training.ignore_doubtful
    sure = found.scores >= score
    doubtful = ~sure & (found.scores >= (score if lowest is None else lowest))
    return found.take(sure), found.take(doubtful)


def mark(labels: Boxes, doubtful: Boxes) -> Boxes:
    """Labels with the doubtful boxes of the same image behind them."""
    return concatenate([labels, make_boxes(doubtful.xyxy, doubtful.scores, np.full(len(doubtful), DOUBTFUL))])


def without(boxes: Boxes) -> Boxes:
    """The labels alone."""
    return boxes.take(boxes.labels != DOUBTFUL)
