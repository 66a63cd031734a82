"""Rules that turn detections in an image, and its labels, into flags: missing, wrong and loose boxes.

With p, the probability that a detection is a cell, and c, the share of the cells like it in its image that have a
label:

- a detection without a label is a missing box with the probability p (1 - c) / (p (1 - c) + 1 - p) (Bayes), the mean
  over what p and c may be in its image;
- a label is wrong with the probability 1 - p of the detection of the same cell, and 1 without one;
- a label is loose with the score p (1 - IoU), where its IoU with that detection is below `TIGHT`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes, concatenate, iou, make_boxes
from sissi.inference.audit.image_effects import ImageEffects
from sissi.inference.audit.pairing import pair

Array = npt.NDArray[np.float64]
Kind = Literal["missing", "wrong", "loose"]
KINDS: tuple[Kind, ...] = ("missing", "wrong", "loose")
TIGHT = 0.6
"""IoU of a label and the detection of the same cell below which the label may be loose."""


@dataclass(frozen=True, eq=False)
class Flags:
    """Boxes of an image that are in doubt.

    Attributes:
        kinds: what each box may be, shape (N,).
        boxes: the boxes in px of the image file, of a missing cell the detection, else the label; their scores say how
            likely it is.
        suggestions: box of the detection, for a wrong label without one its own, shape (N, 4).
    """

    kinds: npt.NDArray[np.str_]
    boxes: Boxes
    suggestions: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Flags:
        """Flags selected by a mask or by indices."""
        return Flags(self.kinds[which], self.boxes.take(which), self.suggestions[which])

    def of_kind(self, kind: Kind) -> Flags:
        """Flags of a kind."""
        return self.take(self.kinds == kind)


def flag_image(detections: Boxes, labels: Boxes, effects: ImageEffects) -> Flags:
    """Flag the boxes of an image, each at most once, under the kind with the higher score.

    Args:
        detections: detections down to low scores, in px of the image.
        labels: labels in doubt, in px of the image.
        effects: how sure the detections are, and how complete the labels.

    Returns:
        A flag for each detection without a label, and for each label.
    """
    probability = effects.probabilities
    partner = pair(detections, labels)
    alone = np.flatnonzero(partner < 0)
    missing = detections.take(alone)
    found = np.flatnonzero(partner >= 0)
    cell, tight, suggested = np.zeros(len(labels)), np.ones(len(labels)), labels.xyxy.copy()
    cell[partner[found]] = probability[found]
    tight[partner[found]] = iou(detections, labels)[found, partner[found]]
    suggested[partner[found]] = detections.xyxy[found]
    loose = np.where(tight < TIGHT, cell * (1 - tight), 0)
    wrong = 1 - cell
    scores = np.concatenate([missing_probability(effects.take(alone)), np.maximum(wrong, loose)])
    kinds = np.concatenate([np.full(len(alone), "missing"), np.where(loose > wrong, "loose", "wrong")])
    boxes = concatenate([missing, labels])
    return Flags(kinds, make_boxes(boxes.xyxy, scores, boxes.labels), np.concatenate([missing.xyxy, suggested]))


def missing_probability(effects: ImageEffects) -> Array:
    """Probability that each detection is a cell, if it has no label, shape (N,)."""
    p, c = effects.certainty[:, :, None], effects.completeness[:, None, :]
    unlabelled = p * (1 - c)
    missing = unlabelled / (unlabelled + 1 - p)
    return np.asarray((missing * effects.weights).sum(axis=(1, 2)), np.float64)


def ranked(flags: Sequence[Flags], least: float) -> list[tuple[int, int]]:
    """Image and index of the flags with at least a score, in descending order of their scores."""
    every = [
        (-float(score), image, index) for image, one in enumerate(flags) for index, score in enumerate(one.boxes.scores)
    ]
    return [(image, index) for score, image, index in sorted(every) if -score >= least]
