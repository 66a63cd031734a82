"""Ignore regions: boxes that may be a cell, with which a detector is trained neither as cell nor as background.

COCO treats crowd regions in this way, in training and in evaluation (Lin et al., *Microsoft COCO*, ECCV 2014).
"""

from __future__ import annotations

import numpy as np

from sissi.boxes import Boxes, concatenate, make_boxes
from sissi.config import Experiment

IGNORE = -1
"""Class of an ignore region; classes of cells are 1 and above."""


def split_by_score(boxes: Boxes, experiment: Experiment) -> tuple[Boxes, Boxes]:
    """Split boxes into pseudo labels and ignore regions by the two score thresholds of the experiment.

    Without `self_training.ignore_doubtful` there are no ignore regions.
    """
    settings, lowest = experiment.pseudo_labels, experiment.self_training.ignore_doubtful
    of_classes = [settings.class_scores.get(name, settings.score) for name in experiment.class_names]
    score = np.array(of_classes, np.float32)[boxes.labels - 1]
    accepted = boxes.scores >= score
    ignored = ~accepted & (boxes.scores >= (score if lowest is None else lowest))
    return boxes.take(accepted), boxes.take(ignored)


def with_ignore_regions(labels: Boxes, ignored: Boxes) -> Boxes:
    """Labels, followed by the ignore regions of the same image with the class `IGNORE`."""
    return concatenate([labels, make_boxes(ignored.xyxy, ignored.scores, np.full(len(ignored), IGNORE))])


def without_ignore_regions(boxes: Boxes) -> Boxes:
    """Labels without ignore regions."""
    return boxes.take(boxes.labels != IGNORE)
