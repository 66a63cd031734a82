"""Ignore regions in the losses: torchvision's assignment of targets, with this one addition.

An anchor or proposal that overlaps an ignore region is neither a foreground nor a background example, so that the
network is not penalised for a possible cell. COCO treats crowd regions in this way, in training and in evaluation (Lin
et al., *Microsoft COCO*, ECCV 2014).
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
"""Class of an ignore region; classes of cells are 1 and above."""
OVERLAP = 0.5
"""Lowest IoU of a box with an ignore region to be ignored; equal to the foreground threshold of the RoI head."""
BACKGROUND, IGNORED = 0, -1
"""Labels that torchvision's samplers treat as background and as ignored."""


def split_by_score(boxes: Boxes, experiment: Experiment) -> tuple[Boxes, Boxes]:
    """Split boxes into pseudo labels and ignore regions by the two score thresholds of the experiment.

    Without `self_training.ignore_doubtful` there are no ignore regions.
    """
    score, lowest = experiment.pseudo_labels.score, experiment.self_training.ignore_doubtful
    accepted = boxes.scores >= score
    ignored = ~accepted & (boxes.scores >= (score if lowest is None else lowest))
    return boxes.take(accepted), boxes.take(ignored)


def with_ignore_regions(labels: Boxes, ignored: Boxes) -> Boxes:
    """Labels, followed by the ignore regions of the same image with the class `IGNORE`."""
    return concatenate([labels, make_boxes(ignored.xyxy, ignored.scores, np.full(len(ignored), IGNORE))])


def without_ignore_regions(boxes: Boxes) -> Boxes:
    """Labels without ignore regions."""
    return boxes.take(boxes.labels != IGNORE)


def support_ignore_regions(network: FasterRCNN) -> None:
    """Let the RPN and RoI head of a detector ignore boxes that overlap the boxes under the key `ignored` of a target.

    Without such boxes nothing changes. Only the class of the two modules changes, as in torch's own parametrizations:
    torchvision builds the modules, and a copy of its arguments would depend on its constructors.
    """
    network.rpn.__class__ = IgnoringRPN
    network.roi_heads.__class__ = IgnoringRoIHeads


class IgnoringRPN(RegionProposalNetwork):  # type: ignore[misc]  # torchvision has no types
    """RPN in which anchors on an ignore region that match no label are neither foreground nor background."""

    def assign_targets_to_anchors(
        self, anchors: list[Tensor], targets: list[dict[str, Tensor]]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Labels (N,) float32 and matched boxes (N, 4) for the anchors of each image."""
        labels, matched = super().assign_targets_to_anchors(anchors, targets)
        return _ignoring(labels, anchors, targets), matched


class IgnoringRoIHeads(RoIHeads):  # type: ignore[misc]
    """RoI head in which proposals on an ignore region that match no label are neither foreground nor background."""

    def select_training_samples(
        self, proposals: list[Tensor], targets: list[dict[str, Tensor]] | None
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        """Select samples as torchvision does; store the targets, since torchvision does not pass them on."""
        self._targets = targets or []
        selected: tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]
        selected = super().select_training_samples(proposals, targets)
        return selected

    def assign_targets_to_proposals(
        self, proposals: list[Tensor], gt_boxes: list[Tensor], gt_labels: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Indices (N,) of matched boxes and labels (N,) int64 for the proposals of each image."""
        matched, labels = super().assign_targets_to_proposals(proposals, gt_boxes, gt_labels)
        return matched, _ignoring(labels, proposals, self._targets)


def _ignoring(
    labels: Sequence[Tensor], boxes: Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]]
) -> list[Tensor]:
    """Labels of each image, with `IGNORED` for background boxes on ignore regions."""
    changed = []
    for image_labels, image_boxes, target in zip(labels, boxes, targets, strict=True):
        ignored = target.get("ignored")
        if ignored is not None and len(ignored):
            overlaps = (box_iou(image_boxes, ignored.to(image_boxes.dtype)) >= OVERLAP).any(dim=1)
            to_ignore = overlaps & (image_labels == BACKGROUND)
            image_labels = torch.where(to_ignore, torch.full_like(image_labels, IGNORED), image_labels)
        changed.append(image_labels)
    return changed
