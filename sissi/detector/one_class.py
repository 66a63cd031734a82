"""One box for each cell: boxes that a network predicts for one cell as several classes, joined to one."""

from __future__ import annotations

import numpy as np

from sissi.boxes import Boxes, iou, make_boxes


def join_classes(boxes: Boxes, most_overlap: float) -> Boxes:
    """Boxes in which each cell has one box, of its likeliest class.

    A network gives a cell a box for each class that it may be of. In the order of scores, a box takes the box of each
    other class that overlaps it most, if the IoU exceeds the threshold and no earlier box has taken it. The joined box
    has the mean of their corners, weighted by scores, the class of the highest score, and the sum of the scores, at
    most 1: how sure it is that there is a cell, whatever its class. So it compares with the score of a network of one
    class, for which nothing is joined.

    Args:
        boxes: of one image, each class after non-maximum suppression.
        most_overlap: IoU above which boxes of two classes are of one cell: that of the suppression.
    """
    if len(np.unique(boxes.labels)) < 2:
        return boxes
    overlaps = iou(boxes, boxes)
    free = np.ones(len(boxes), bool)
    xyxy, scores, labels = [], [], []
    for first in np.argsort(-boxes.scores, kind="stable"):
        if not free[first]:
            continue
        members = [first]
        for other in np.unique(boxes.labels[boxes.labels != boxes.labels[first]]):
            close = np.where(free & (boxes.labels == other), overlaps[first], 0)
            nearest = int(np.argmax(close))
            if close[nearest] > most_overlap:
                members.append(nearest)
        free[members] = False
        weights = boxes.scores[members].astype(np.float64)
        xyxy.append(np.average(boxes.xyxy[members], axis=0, weights=np.maximum(weights, 1e-9)))
        scores.append(min(1.0, float(weights.sum())))
        labels.append(boxes.labels[first])
    order = np.argsort(-np.array(scores), kind="stable")
    return make_boxes(np.array(xyxy)[order], np.array(scores)[order], np.array(labels)[order])
