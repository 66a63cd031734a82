"""Ignore regions: boxes that may be a cell, with which a detector is trained neither as cell nor as background.

COCO treats crowd regions in this way, in training and in evaluation (Lin et al., *Microsoft COCO*, ECCV 2014).
"""

from __future__ import annotations

import numpy as np

from sissi.boxes import Boxes
from sissi.config import Experiment


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
