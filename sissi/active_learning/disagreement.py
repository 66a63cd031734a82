"""How much a committee disagrees about the cells of an image.

Query by committee (Seung, Opper and Sompolinsky, COLT 1992): what the members of a committee answer differently is what
a person's answer teaches most. The members are labels and predictions of the same image by different variants, cycles
and views; for a box each of them votes found or not found, and the entropy of the votes (Dagan and Engelson, ICML
1995) says how much they disagree.
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
SAME_CELL = 0.5
"""IoU from which on two boxes are the same cell."""
EVERY_BOX = PseudoLabels(wbf_iou=SAME_CELL, view_score=0, score=0)


@dataclass(frozen=True, eq=False)
class Committee:
    """What is known of the cells of one image; boxes in px of the image file.

    Attributes:
        height, width: of the image file, in px.
        cycles: for each variant its pseudo labels of the last cycles, oldest first, at least one.
        views: for each variant what its trained detector finds in each view of test-time augmentation; may be empty.
    """

    height: int
    width: int
    cycles: Mapping[str, Sequence[Boxes]]
    views: Mapping[str, Sequence[Boxes]]


@dataclass(frozen=True, eq=False)
class Disagreement:
    """Every cell that a label names, and how sure of it the committee is.

    Attributes:
        size: height and width of the image file, in px.
        boxes: labels that overlap, fused (equation 1); their scores are the share of all variants and cycles that
            found them.
        sources: entropy of the votes of each box, (N,) in [0, 1]: between variants, between cycles, between views; of
            those that have at least two votes.
    """

    size: tuple[int, int]
    boxes: Boxes
    sources: dict[str, Votes]

    @property
    def disagreement(self) -> Votes:
        """(N,) in [0, 1], the mean over the sources; 0: all agree, 1: half of the votes say so, and half not."""
        if not self.sources:
            return np.zeros(len(self.boxes))
        return _mean(list(self.sources.values()))

    @property
    def score(self) -> float:
        """Of the image: the sum over its boxes, about how many cells are in question."""
        return float(self.disagreement.sum())


def disagreement_of(committee: Committee) -> Disagreement:
    """What the labels of an image name, and how much the committee disagrees about it."""
    cycles = list(committee.cycles.values())
    labels = [boxes for many in cycles for boxes in many]
    cells = fuse(labels, committee.height, committee.width, EVERY_BOX)
    sources: dict[str, list[Sequence[Boxes]]] = {
        "variants": [[many[-1] for many in cycles]],
        "cycles": cycles,
        "views": list(committee.views.values()),
    }
    entropies = {
        name: _mean([vote_entropy(share(cells, voters)) for voters in groups])
        for name, groups in sources.items()
        if groups and max(map(len, groups)) > 1
    }
    boxes = make_boxes(cells.xyxy, share(cells, labels), cells.labels)
    return Disagreement((committee.height, committee.width), boxes, entropies)


def share(cells: Boxes, voters: Sequence[Boxes]) -> Votes:
    """The part of the voters that found each cell, (len(cells),) in [0, 1]; a box finds one cell at most."""
    found = np.zeros(len(cells))
    for boxes in voters:
        matched = match(boxes, cells, SAME_CELL)
        found[matched[matched >= 0]] += 1
    return found / len(voters)


def vote_entropy(share: Votes) -> Votes:
    """Entropy in bits of votes of which this share says yes: 0 for 0 and 1, 1 for a half."""
    return np.asarray((entr(share) + entr(1 - share)) / np.log(2))


def _mean(many: Sequence[Votes]) -> Votes:
    return np.asarray(np.mean(many, axis=0))
