"""Disagreement of a committee about the cells of an image.

Query by committee (Seung, Opper and Sompolinsky, COLT 1992): an annotation is most informative where the members of a
committee disagree. The members are labels and predictions for the same image by different variants, cycles and views.
Each member votes whether a box is a cell, and the entropy of the votes (Dagan and Engelson, ICML 1995) measures the
disagreement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import entr

from sissi.boxes import Boxes, make_boxes, match
from sissi.config import PseudoLabels
from sissi.method.pseudo_labels import fuse

Votes = npt.NDArray[np.float64]
MAJORITY = 0.5
"""Smallest share of the labels with a box that is exported."""
SAME_CELL = 0.5
"""Lowest IoU of two boxes of the same cell."""
EVERY_BOX = PseudoLabels(wbf_iou=SAME_CELL, view_score=0, score=0)


@dataclass(frozen=True, eq=False)
class Committee:
    """Labels and predictions for one image, with boxes in px of the image file.

    Attributes:
        height, width: size of the image file, in px.
        cycles: pseudo labels of the last cycles of each variant, at least one cycle, oldest first.
        views: boxes of the trained detector of each variant in each view of test-time augmentation; may be empty.
    """

    height: int
    width: int
    cycles: Mapping[str, Sequence[Boxes]]
    views: Mapping[str, Sequence[Boxes]]


@dataclass(frozen=True, eq=False)
class Disagreement:
    """Disagreement about every labelled cell of an image.

    Attributes:
        size: height and width of the image file, in px.
        boxes: fused labels (equation 1); the score of a box is the share of all variants and cycles that contain it.
        sources: entropy of the votes on each box, shape (N,), in [0, 1], between variants, between cycles and between
            views; only sources with at least two votes. With several classes also `classes`: the entropy of the
            classes that the labels with the box name.
    """

    size: tuple[int, int]
    boxes: Boxes
    sources: dict[str, Votes]

    @property
    def disagreement(self) -> Votes:
        """Mean over the sources for each box, shape (N,), in [0, 1]; 0: all agree, 1: the votes are equally split."""
        if not self.sources:
            return np.zeros(len(self.boxes))
        return _mean(list(self.sources.values()))

    @property
    def agreed(self) -> Boxes:
        """Boxes that most labels contain."""
        return self.boxes.take(self.boxes.scores >= MAJORITY)

    @property
    def score(self) -> float:
        """Score of the image: the sum over its boxes, about the number of cells in question."""
        return float(self.disagreement.sum())


def disagreement_of(committee: Committee) -> Disagreement:
    """Compute the labelled cells of an image, and the disagreement of the committee about them."""
    cycles = list(committee.cycles.values())
    labels = [boxes for of_variant in cycles for boxes in of_variant]
    cells = fuse(labels, committee.height, committee.width, EVERY_BOX)
    sources: dict[str, list[Sequence[Boxes]]] = {
        "variants": [[of_variant[-1] for of_variant in cycles]],
        "cycles": cycles,
        "views": list(committee.views.values()),
    }
    entropies = {
        name: _mean([vote_entropy(share(cells, voters)) for voters in groups])
        for name, groups in sources.items()
        if groups and max(map(len, groups)) > 1
    }
    doubt = class_entropy(cells, labels)
    if doubt is not None:
        entropies["classes"] = doubt
    boxes = make_boxes(cells.xyxy, share(cells, labels), cells.labels)
    return Disagreement((committee.height, committee.width), boxes, entropies)


def share(cells: Boxes, voters: Sequence[Boxes]) -> Votes:
    """Share of the voters with a box for each cell, shape (len(cells),), in [0, 1]; a box matches at most one cell."""
    votes = np.zeros(len(cells))
    for boxes in voters:
        matched = match(boxes, cells, SAME_CELL)
        votes[matched[matched >= 0]] += 1
    return votes / len(voters)


def class_entropy(cells: Boxes, voters: Sequence[Boxes]) -> Votes | None:
    """Entropy of the classes that the voters with a box for a cell name, shape (len(cells),), in [0, 1].

    0: all name the same class; 1: each class is named as often. None if all boxes are of one class.
    """
    classes = np.unique(np.concatenate([boxes.labels for boxes in voters]))
    if len(classes) < 2:
        return None
    votes = np.stack(
        [len(voters) * share(cells, [boxes.take(boxes.labels == label) for boxes in voters]) for label in classes]
    )
    shares = np.divide(votes, votes.sum(axis=0), out=np.zeros_like(votes), where=votes.sum(axis=0) > 0)
    return np.asarray(entr(shares).sum(axis=0) / np.log(len(classes)))


def vote_entropy(share: Votes) -> Votes:
    """Entropy of votes in bits, given the share of positive votes: 0 for shares 0 and 1, 1 for a share of 0.5."""
    return np.asarray((entr(share) + entr(1 - share)) / np.log(2))


def _mean(many: Sequence[Votes]) -> Votes:
    return np.asarray(np.mean(many, axis=0))
