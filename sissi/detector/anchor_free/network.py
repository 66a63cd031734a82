"""Preset lite: an anchor-free one-stage detector on a light pre-trained backbone, for CPUs.

Head and losses follow FCOS (Tian et al., ICCV 2019) and TOOD (Feng et al., ICCV 2021): each point predicts the quality
of its box as its score, so that a score says how exact a box is.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torchvision.ops import clip_boxes_to_image, generalized_box_iou_loss, nms

from sissi.config import Detector as DetectorSettings
from sissi.detector.anchor_free.assignment import assign
from sissi.detector.anchor_free.backbone import Backbone
from sissi.detector.anchor_free.head import Head, points_of
from sissi.detector.anchor_free.pyramid import Pyramid
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
        logits, distances = self.head(levels)
        points, strides = points_of(levels, self.head.strides)
        boxes = torch.cat([points - distances[..., :2], points + distances[..., 2:]], dim=-1)
        if not self.training:
            return [
                self._detections(scores, found, (image.shape[1], image.shape[2]))
                for scores, found, image in zip(logits.sigmoid(), boxes, images, strict=True)
            ]
        if targets is None:
            raise ValueError("losses need targets")
        return _losses(logits, boxes, points, strides, targets)

    def _detections(self, scores: Tensor, boxes: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
        """Detections of an image of a height and width. A cell has one class, so suppression ignores classes."""
        best, classes = scores.max(dim=1)
        best, order = best.topk(min(BEFORE_SUPPRESSION, len(best)))
        order = order[best > self.score_floor]
        found = clip_boxes_to_image(boxes[order], size)
        kept = nms(found, scores.amax(dim=1)[order], self.nms_iou)[: self.detections_per_image]
        order, found = order[kept], found[kept]
        return {"boxes": found, "scores": scores.amax(dim=1)[order], "labels": classes[order] + 1}


def anchor_free_network(settings: DetectorSettings, classes: int) -> AnchorFreeDetector:
    """Anchor-free detector with random weights, for a number of classes of cells.

    Raises:
        SissiError: the backbone is unknown or has no features at the strides of the pyramid.
    """
    return AnchorFreeDetector(settings, classes)


def _losses(
    logits: Tensor, boxes: Tensor, points: Tensor, strides: Tensor, targets: Sequence[dict[str, Tensor]]
) -> dict[str, Tensor]:
    """Losses of a batch: binary cross entropy of the scores, and generalised IoU of the boxes weighted by quality.

    Args:
        logits: logits of the classes at each point, shape (B, N, K).
        boxes: predicted boxes, shape (B, N, 4), px.
        points: coordinates of the points, shape (N, 2), px.
        strides: strides of the points, shape (N,), px.
        targets: targets of each image.
    """
    labels, classes, weights, present = _padded(targets)
    scores = logits.detach().sigmoid().transpose(1, 2).gather(1, classes[:, :, None].expand(-1, -1, len(points)))
    assigned = assign(scores, boxes.detach(), points, strides, labels, present)
    cell = assigned.label >= 0
    image, point = cell.nonzero(as_tuple=True)
    label, quality = assigned.label[cell], assigned.quality[cell]
    wanted = torch.zeros_like(logits)
    wanted[image, point, classes[image, label]] = quality
    counted = torch.stack([~inside(points, target.get("ignored")) for target in targets]) | cell
    total = quality.sum().clamp(min=1)
    score_loss = binary_cross_entropy_with_logits(logits, wanted, reduction="none")[counted].sum()
    share = quality * weights[image, label]
    box_loss = generalized_box_iou_loss(boxes[cell], labels[image, label], reduction="none") * share
    return {"loss_score": score_loss / total, "loss_box": BOX_WEIGHT * box_loss.sum() / total}


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
