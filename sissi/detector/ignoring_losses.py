"""Losses of torchvision's detectors with ignore regions and box weights: its assignment of targets, with two additions.

An anchor, proposal or point on an ignore region that matches no label is neither a foreground nor a background example,
so that the network is not penalised for a possible cell. One that matches a label of box weight 0 is a foreground
example, but its box has no loss. Without ignore regions and box weights nothing changes, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
from torchvision.models.detection.fcos import FCOSHead
from torchvision.models.detection.retinanet import RetinaNetRegressionHead
from torchvision.models.detection.roi_heads import RoIHeads, fastrcnn_loss
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.ops import box_iou

OVERLAP = 0.5
"""Lowest IoU of a box with an ignore region to be ignored; equal to the foreground threshold of the RoI head."""
BACKGROUND, IGNORED = 0, -1
"""Labels that torchvision's samplers treat as background and as ignored."""
SILENT = -1e4
"""Logit of a background example without loss and gradient: the focal loss of its probability, which is 0, is 0."""


def support_ignore_regions(network: FasterRCNN) -> None:
    """Let the RPN and RoI head of a detector ignore boxes that overlap the boxes under the key `ignored` of a target.

    Only the class of the two modules changes, as in torch's own parametrizations: torchvision builds the modules, and a
    copy of its arguments would depend on its constructors.
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
        self._fixed = _fixed([_of_fixed_label(*pair) for pair in zip(matched, targets, strict=True)])
        return _ignoring(labels, anchors, targets), matched

    def compute_loss(
        self, objectness: Tensor, pred_bbox_deltas: Tensor, labels: list[Tensor], regression_targets: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Losses of torchvision, without those of the boxes of anchors that match a label of box weight 0."""
        if self._fixed is not None:
            pred_bbox_deltas = torch.where(self._fixed[:, None], torch.cat(regression_targets), pred_bbox_deltas)
        losses: tuple[Tensor, Tensor] = super().compute_loss(objectness, pred_bbox_deltas, labels, regression_targets)
        return losses


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

    def forward(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
        targets: list[dict[str, Tensor]] | None = None,
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """Detections or losses of torchvision; the latter without those of boxes whose label has box weight 0."""
        if not self.training or not any("box_weights" in target for target in targets or ()):
            result: tuple[list[dict[str, Tensor]], dict[str, Tensor]]
            result = super().forward(features, proposals, image_shapes, targets)
            return result
        proposals, matched, labels, wanted = self.select_training_samples(proposals, targets)
        scores, boxes = self.box_predictor(self.box_head(self.box_roi_pool(features, proposals, image_shapes)))
        fixed = _fixed([_matches_fixed(*pair) for pair in zip(matched, targets or (), strict=True)])
        if fixed is not None:
            boxes = torch.where(fixed[:, None], torch.cat(wanted).repeat(1, scores.shape[1]), boxes)
        classifier, regression = fastrcnn_loss(scores, boxes, labels, wanted)
        return [], {"loss_classifier": classifier, "loss_box_reg": regression}


class WeightedRetinaNetRegressionHead(RetinaNetRegressionHead):  # type: ignore[misc]
    """Regression head in which anchors that match a label of box weight 0 have no loss."""

    def compute_loss(
        self,
        targets: list[dict[str, Tensor]],
        head_outputs: dict[str, Tensor],
        anchors: list[Tensor],
        matched_idxs: list[Tensor],
    ) -> Tensor:
        """Loss of torchvision, without that of these anchors."""
        outputs = _settled(head_outputs, targets, anchors, matched_idxs, self.box_coder.encode_single)
        loss: Tensor = super().compute_loss(targets, outputs, anchors, matched_idxs)
        return loss


class WeightedFCOSHead(FCOSHead):  # type: ignore[misc]
    """Head in which points that match a label of box weight 0 have no loss of the box; their centre-ness has."""

    def compute_loss(
        self,
        targets: list[dict[str, Tensor]],
        head_outputs: dict[str, Tensor],
        anchors: list[Tensor],
        matched_idxs: list[Tensor],
    ) -> dict[str, Tensor]:
        """Losses of torchvision, without those of the boxes of these points."""

        def encode(boxes: Tensor, points: Tensor) -> Tensor:
            encoded: Tensor = self.box_coder.encode(points, boxes)
            return encoded

        outputs = _settled(head_outputs, targets, anchors, matched_idxs, encode)
        losses: dict[str, Tensor] = super().compute_loss(targets, outputs, anchors, matched_idxs)
        return losses


class IgnoringRetinaNet(RetinaNet):  # type: ignore[misc]
    """RetinaNet in which anchors on an ignore region that match no label have no classification loss."""

    def compute_loss(
        self, targets: list[dict[str, Tensor]], head_outputs: dict[str, Tensor], anchors: list[Tensor]
    ) -> dict[str, Tensor]:
        """Losses of torchvision, without those of ignored anchors."""
        silent = [
            _overlap(boxes, target.get("ignored"), OVERLAP)
            & ~_overlap(boxes, target["boxes"], self.proposal_matcher.low_threshold)
            for boxes, target in zip(anchors, targets, strict=True)
        ]
        losses: dict[str, Tensor] = super().compute_loss(targets, _silenced(head_outputs, silent), anchors)
        return losses


class IgnoringFCOS(FCOS):  # type: ignore[misc]
    """FCOS in which points in an ignore region that lie in no label have no classification loss."""

    def compute_loss(
        self,
        targets: list[dict[str, Tensor]],
        head_outputs: dict[str, Tensor],
        anchors: list[Tensor],
        num_anchors_per_level: list[int],
    ) -> dict[str, Tensor]:
        """Losses of torchvision, without those of ignored points."""
        silent = []
        for boxes, target in zip(anchors, targets, strict=True):
            points = (boxes[:, :2] + boxes[:, 2:]) / 2
            silent.append(inside(points, target.get("ignored")) & ~inside(points, target["boxes"]))
        losses: dict[str, Tensor]
        losses = super().compute_loss(targets, _silenced(head_outputs, silent), anchors, num_anchors_per_level)
        return losses


def inside(points: Tensor, boxes: Tensor | None) -> Tensor:
    """Whether each point (N, 2) lies in any of the boxes (M, 4), shape (N,), bool; False without boxes."""
    if boxes is None:
        return torch.zeros(len(points), dtype=torch.bool, device=points.device)
    in_box = (points[:, None] > boxes[:, :2]) & (points[:, None] < boxes[:, 2:])
    return in_box.all(dim=2).any(dim=1)


def _overlap(boxes: Tensor, others: Tensor | None, least: float) -> Tensor:
    """Whether each box (N, 4) has at least an IoU with any of the others (M, 4), shape (N,), bool."""
    if others is None:
        return torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    overlaps: Tensor = box_iou(boxes, others.to(boxes.dtype)) >= least
    return overlaps.any(dim=1)


def _matches_fixed(matched: Tensor, target: Mapping[str, Tensor]) -> Tensor:
    """Whether the label of an index (N,), -1 for none, has box weight 0, shape (N,), bool."""
    weights = target.get("box_weights")
    if weights is None or not len(weights):
        return torch.zeros_like(matched, dtype=torch.bool)
    return (weights == 0)[matched.clip(min=0)] & (matched >= 0)


def _of_fixed_label(boxes: Tensor, target: Mapping[str, Tensor]) -> Tensor:
    """Whether each box (N, 4) is that of a label of box weight 0, shape (N,), bool."""
    weights = target.get("box_weights")
    if weights is None or not (weights == 0).any():
        return torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    return (boxes[:, None] == target["boxes"][weights == 0].to(boxes.dtype)).all(dim=2).any(dim=1)


def _fixed(masks: Sequence[Tensor]) -> Tensor | None:
    """Masks of all images as one; None where nothing is masked."""
    together = torch.cat(list(masks))
    return together if together.any() else None


def _settled(
    head_outputs: dict[str, Tensor],
    targets: Sequence[Mapping[str, Tensor]],
    anchors: Sequence[Tensor],
    matched: Sequence[Tensor],
    encode: Callable[[Tensor, Tensor], Tensor],
) -> dict[str, Tensor]:
    """Outputs of a one-stage head, with the boxes that match a label of box weight 0 equal to that label."""
    if not any("box_weights" in target for target in targets):
        return head_outputs
    boxes = list(head_outputs["bbox_regression"])
    for index, (target, points, partner) in enumerate(zip(targets, anchors, matched, strict=True)):
        fixed = _matches_fixed(partner, target)
        if fixed.any():
            wanted = encode(target["boxes"][partner.clip(min=0)], points)
            boxes[index] = torch.where(fixed[:, None], wanted, boxes[index])
    return {**head_outputs, "bbox_regression": torch.stack(boxes)}


def _silenced(head_outputs: dict[str, Tensor], silent: Sequence[Tensor]) -> dict[str, Tensor]:
    """Outputs of a one-stage head, with `SILENT` as class logits (B, N, K) where an image's mask (N,) is True."""
    mask = torch.stack(list(silent))
    if not mask.any():
        return head_outputs
    return {**head_outputs, "cls_logits": head_outputs["cls_logits"].masked_fill(mask[:, :, None], SILENT)}


def _ignoring(
    labels: Sequence[Tensor], boxes: Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]]
) -> list[Tensor]:
    """Labels of each image, with `IGNORED` for background boxes on ignore regions."""
    changed = []
    for image_labels, image_boxes, target in zip(labels, boxes, targets, strict=True):
        to_ignore = _overlap(image_boxes, target.get("ignored"), OVERLAP) & (image_labels == BACKGROUND)
        changed.append(image_labels.masked_fill(to_ignore, IGNORED))
    return changed
