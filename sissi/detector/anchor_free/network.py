"""Preset lite: an anchor-free one-stage detector on a light pre-trained backbone, for CPUs.

Head and losses follow FCOS (Tian et al., ICCV 2019) and TOOD (Feng et al., ICCV 2021): each point predicts the quality
of its box as its score, so that a score says how exact a box is.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, softplus
from torchvision.ops import clip_boxes_to_image, generalized_box_iou_loss, nms

from sissi.config import Detector as DetectorSettings
from sissi.detector.anchor_free.assignment import Assignment, assign
from sissi.detector.anchor_free.backbone import Backbone
from sissi.detector.anchor_free.head import Head, points_of
from sissi.detector.anchor_free.pyramid import Pyramid
from sissi.detector.background import background_weights, risk
from sissi.detector.batching import padded_batch
from sissi.detector.ignoring_losses import inside

WIDTH = 96
"""Channels of the pyramid and of the head."""
BOX_WEIGHT = 5.0
"""Weight of the loss of the boxes; that of the scores has weight 1."""
BEFORE_SUPPRESSION = 1000
"""Number of detections of an image that enter the non-maximum suppression, at most."""


class AnchorFreeDetector(nn.Module):
    """Detector with the interface of torchvision's; see `sissi.detector.presets`."""

    def __init__(self, settings: DetectorSettings, classes: int) -> None:
        super().__init__()
        self.backbone = Backbone(settings.backbone, settings.folds_batch_norm, settings.frozen_stages)
        self.pyramid = Pyramid(self.backbone.channels, WIDTH)
        self.head = Head(WIDTH, self.backbone.strides, classes)
        self.score_floor = settings.score_floor
        self.nms_iou = settings.nms_iou
        self.detections_per_image = settings.detections_per_image

    def forward(
        self, images: Sequence[Tensor], targets: Sequence[dict[str, Tensor]] | None = None
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """Losses in training mode, detections of each image in evaluation mode.

        Args:
            images: images (3, H, W), float32, in [0, 1], of any sizes.
            targets: targets of each image, see `sissi.detector.presets.Target`; needed in training mode only.

        Raises:
            ValueError: targets are missing in training mode.
        """
        levels = self.pyramid(self.backbone(padded_batch(images, max(self.backbone.strides) * 2)))
        scores, classes, distances = self.head(levels)
        points, strides = points_of(levels, self.head.strides)
        boxes = torch.cat([points - distances[..., :2], points + distances[..., 2:]], dim=-1)
        if not self.training:
            return [
                self._detections(score, kind, box, (image.shape[1], image.shape[2]))
                for score, kind, box, image in zip(scores.sigmoid(), classes, boxes, images, strict=True)
            ]
        if targets is None:
            raise ValueError("losses need targets")
        sizes = [(image.shape[1], image.shape[2]) for image in images]
        return _losses(scores, classes, boxes, points, strides, targets, sizes)

    def _detections(self, scores: Tensor, classes: Tensor, boxes: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
        """Detections of an image of a height and width. A cell has one class, so suppression ignores classes."""
        best, order = scores.topk(min(BEFORE_SUPPRESSION, len(scores)))
        order = order[best > self.score_floor]
        found = clip_boxes_to_image(boxes[order], size)
        kept = nms(found, scores[order], self.nms_iou)[: self.detections_per_image]
        order, found = order[kept], found[kept]
        labels = classes[order].argmax(dim=1) if classes.shape[1] else torch.zeros_like(order)
        return {"boxes": found, "scores": scores[order], "labels": labels + 1}


def anchor_free_network(settings: DetectorSettings, classes: int) -> AnchorFreeDetector:
    """Anchor-free detector with random weights, for a number of classes of cells.

    Raises:
        SissiError: the backbone is unknown or has no features at the strides of the pyramid.
    """
    return AnchorFreeDetector(settings, classes)


def _losses(
    scores: Tensor,
    classes: Tensor,
    boxes: Tensor,
    points: Tensor,
    strides: Tensor,
    targets: Sequence[dict[str, Tensor]],
    sizes: Sequence[tuple[int, int]],
) -> dict[str, Tensor]:
    """Losses of a batch: of scores and classes their cross entropy, of boxes the generalised IoU.

    Those of boxes and classes are weighted by quality. Which point a label is assigned to depends on scores and boxes.

    Args:
        scores: logits of the scores at each point, shape (B, N).
        classes: logits of the classes, shape (B, N, K), or (B, N, 0) if there is one class.
        boxes: predicted boxes, shape (B, N, 4), px.
        points: coordinates of the points, shape (N, 2), px.
        strides: strides of the points, shape (N,), px.
        targets: targets of each image.
        sizes: height and width of each image, in px.
    """
    labels, kinds, weights, present = _padded(targets)
    expected = scores.detach().sigmoid()[:, None].expand(-1, labels.shape[1], -1)
    assigned = assign(expected, boxes.detach(), points, strides, labels, present)
    cell = assigned.label >= 0
    image, _ = cell.nonzero(as_tuple=True)
    label, quality = assigned.label[cell], assigned.quality[cell]
    counted = torch.stack([~inside(points, target.get("ignored")) for target in targets]) | cell
    total = quality.sum().clamp(min=1)
    score_loss = _score_loss(scores, boxes.detach(), assigned, counted, targets, sizes)
    box_loss = generalized_box_iou_loss(boxes[cell], labels[image, label], reduction="none")
    share = quality * weights[image, label]
    losses = {"loss_score": score_loss / total, "loss_box": BOX_WEIGHT * (box_loss * share).sum() / total}
    if classes.shape[2]:
        class_loss = cross_entropy(classes[cell], kinds[image, label], reduction="none") * quality
        losses["loss_class"] = class_loss.sum() / total
    return losses


def _score_loss(
    scores: Tensor,
    boxes: Tensor,
    assigned: Assignment,
    counted: Tensor,
    targets: Sequence[dict[str, Tensor]],
    sizes: Sequence[tuple[int, int]],
) -> Tensor:
    """Sum of the losses of the scores, in which the background of some images may count less.

    Args:
        scores: logits of the scores at each point, shape (B, N).
        boxes: predicted boxes, shape (B, N, 4), px.
        assigned: labels of the points.
        counted: points that are not ignored, shape (B, N), bool.
        targets: targets of each image.
        sizes: height and width of each image, in px.
    """
    losses = binary_cross_entropy_with_logits(scores, assigned.quality, reduction="none")
    if not any("background" in target for target in targets):
        return losses[counted].sum()
    total = losses.new_zeros(())
    for index, (target, size) in enumerate(zip(targets, sizes, strict=True)):
        cell = assigned.label[index] >= 0
        score, of_cells, of_background = scores[index], losses[index][cell], losses[index][counted[index] & ~cell]
        if "background" in target:
            share = background_weights(boxes[index], score.detach().sigmoid(), target, *size)
            of_background = (share * losses[index])[counted[index] & ~cell]
            total = total + risk(of_cells.sum(), of_background.sum(), softplus(score[cell]).sum(), target)
        else:
            total = total + of_cells.sum() + of_background.sum()
    return total


def _padded(targets: Sequence[dict[str, Tensor]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Boxes (B, G, 4), classes from 0 on, box weights, and which are not padding (B, G), of the labels of a batch."""
    count = max(len(target["boxes"]) for target in targets)
    boxes = targets[0]["boxes"].new_zeros((len(targets), count, 4))
    classes = targets[0]["labels"].new_zeros((len(targets), count))
    weights = boxes.new_ones((len(targets), count))
    present = torch.zeros((len(targets), count), dtype=torch.bool, device=boxes.device)
    for index, target in enumerate(targets):
        number = len(target["boxes"])
        boxes[index, :number], classes[index, :number] = target["boxes"], target["labels"] - 1
        weights[index, :number] = target.get("box_weights", weights[index, :number])
        present[index, :number] = True
    return boxes, classes, weights, present
