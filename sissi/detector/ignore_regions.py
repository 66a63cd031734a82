"""What overlaps a doubtful cell takes no part in the losses: torchvision's steps of assignment, with that one addition.

Neither a foreground nor a background example: a network is not punished for a cell that may well be there. COCO's crowd
regions are treated so when detectors are trained and scored (Lin et al., *Microsoft COCO*, ECCV 2014).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.ops import box_iou

from sissi.boxes import Boxes, concatenate, make_boxes
from sissi.config import Experiment

IGNORE = -1
"""The class of a doubtful box; what a detector learns has classes from 1 on."""
OVERLAP = 0.5
"""IoU from which on a box counts as lying on a doubtful cell: that at which the RoI head takes a box for a cell."""
BACKGROUND, IGNORED = 0, -1
"""How torchvision's samplers know them."""


def split_by_score(found: Boxes, experiment: Experiment) -> tuple[Boxes, Boxes]:
    """The boxes that are sure enough for labels, and the doubtful ones, where these are to be ignored."""
    score, lowest = experiment.pseudo_labels.score, experiment.self_training.ignore_doubtful
    sure = found.scores >= score
    ignored = ~sure & (found.scores >= (score if lowest is None else lowest))
    return found.take(sure), found.take(ignored)


def with_ignore_regions(labels: Boxes, ignored: Boxes) -> Boxes:
    """Labels with the doubtful boxes of the same image behind them."""
    return concatenate([labels, make_boxes(ignored.xyxy, ignored.scores, np.full(len(ignored), IGNORE))])


def without_ignore_regions(boxes: Boxes) -> Boxes:
    """The labels alone."""
    return boxes.take(boxes.labels != IGNORE)


def support_ignore_regions(network: FasterRCNN) -> None:
    """Let a detector's RPN and RoI head ignore what overlaps the boxes under `doubtful` in their targets.

    Without such boxes nothing changes. The modules change their class and keep all else, as torch's own
    parametrizations do: torchvision builds them, and copying its arguments would tie us to its constructors.
    """
    network.rpn.__class__ = IgnoringRPN
    network.roi_heads.__class__ = IgnoringRoIHeads


class IgnoringRPN(RegionProposalNetwork):  # type: ignore[misc]  # torchvision has no types
    """Anchors on a doubtful cell that match no label are neither foreground nor background."""

    def assign_targets_to_anchors(
        self, anchors: list[Tensor], targets: list[dict[str, Tensor]]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Labels (N,) float32 and matched boxes (N, 4) of the anchors of each image."""
        labels, matched = super().assign_targets_to_anchors(anchors, targets)
        return _ignoring(labels, anchors, targets), matched


class IgnoringRoIHeads(RoIHeads):  # type: ignore[misc]
    """The same for proposals."""

    def select_training_samples(
        self, proposals: list[Tensor], targets: list[dict[str, Tensor]] | None
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        """As torchvision's, which does not pass the targets on to the assignment."""
        self._targets = targets or []
        selected: tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]
        selected = super().select_training_samples(proposals, targets)
        return selected

    def assign_targets_to_proposals(
        self, proposals: list[Tensor], gt_boxes: list[Tensor], gt_labels: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Indices (N,) of matched boxes and labels (N,) int64 of the proposals of each image."""
        matched, labels = super().assign_targets_to_proposals(proposals, gt_boxes, gt_labels)
        return matched, _ignoring(labels, proposals, self._targets)


def _ignoring(
    labels: Sequence[Tensor], boxes: Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]]
) -> list[Tensor]:
    """The labels of each image, with those of background boxes on doubtful cells replaced."""
    changed = []
    for mine, places, target in zip(labels, boxes, targets, strict=True):
        ignored = target.get("ignored")
        if ignored is not None and len(ignored):
            on_one = (box_iou(places, ignored.to(places.dtype)) >= OVERLAP).any(dim=1)
            mine = torch.where(on_one & (mine == BACKGROUND), torch.full_like(mine, IGNORED), mine)
        changed.append(mine)
    return changed
