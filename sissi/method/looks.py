"""Which images a cycle of label correction looks at: those with settled labels in every other cycle only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sissi.boxes import Boxes, match
from sissi.config import Experiment
from sissi.detector.ignore_regions import split_by_score


@dataclass(frozen=True, eq=False)
class Looks:
    """The last look at each target image.

    Attributes:
        predicted: boxes of each image, as `self_training.predict_pseudo_labels` gave them when it was last looked at.
        settled: whether the last two looks at an image agree.
    """

    predicted: list[Boxes]
    settled: list[bool]

    def due(self, epoch: int) -> list[int]:
        """Indices of the images that an epoch looks at: settled images take turns, half of them each epoch."""
        return [index for index, settled in enumerate(self.settled) if not settled or (epoch + index) % 2 == 0]

    def updated(self, indices: Sequence[int], found: Sequence[Boxes], experiment: Experiment) -> Looks:
        """The looks after another one at some images.

        Args:
            indices: of these images.
            found: boxes of each of them.
            experiment: settings `pseudo_labels.settled`, and those that tell labels from other boxes.
        """
        predicted, settled = list(self.predicted), list(self.settled)
        for index, boxes in zip(indices, found, strict=True):
            settled[index] = _agree(predicted[index], boxes, experiment)
            predicted[index] = boxes
        return Looks(predicted, settled)


def first_looks(found: Sequence[Boxes]) -> Looks:
    """The looks after the first one at every image."""
    return Looks(list(found), [False] * len(found))


def _agree(before: Boxes, now: Boxes, experiment: Experiment) -> bool:
    """Whether the pseudo labels of two looks at an image agree, by their F1; never without the setting."""
    smallest = experiment.pseudo_labels.settled
    if smallest is None:
        return False
    (old, _), (new, _) = (split_by_score(boxes, experiment) for boxes in (before, now))
    same = (match(new, old, experiment.pseudo_labels.wbf_iou) >= 0).sum()
    return bool(2 * same >= smallest * (len(old) + len(new)))
