"""Assignment of labels to the points of an anchor-free detector, aligned with its task (Feng et al., TOOD, ICCV 2021).

A point is a good place to predict a cell if it already predicts its class with a high score and its box with a high
IoU. So the assignment follows the network, without anchor sizes or ranges of scale for each level.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import box_iou

CANDIDATES = 10
"""Number of points that a label is assigned to, at most."""
SCORE_POWER, IOU_POWER = 0.5, 6.0
"""Exponents of score and IoU in the alignment of a point with a label."""
TINY = 1e-9


@dataclass(frozen=True)
class Assignment:
    """Labels of the points of a batch.

    Attributes:
        label: index of the label of each point, shape (B, N), int64; -1: background.
        quality: target of the score of each point, shape (B, N), float32, in [0, 1]; 0 for background. The best point
            of a label has the IoU of its predicted box, and the others less in proportion to their alignment.
    """

    label: Tensor
    quality: Tensor


@torch.no_grad()
def assign(
    scores: Tensor, boxes: Tensor, points: Tensor, strides: Tensor, labels: Tensor, present: Tensor
) -> Assignment:
    """Assign the labels of each image to points.

    A label competes for the points inside its box. A box that is narrower than a stride counts as one stride wide, so
    that it contains a point. A point inside of several labels takes the one with the highest IoU.

    Args:
        scores: predicted score of each point for the class of each label, shape (B, G, N), in [0, 1].
        boxes: predicted box of each point, shape (B, N, 4), px.
        points: coordinates of the points, shape (N, 2), px.
        strides: stride of the level of each point, shape (N,), px.
        labels: boxes of the labels, shape (B, G, 4), px; padded.
        present: which of them are labels and not padding, shape (B, G), bool.
    """
    batch, count, number = scores.shape
    if count == 0:
        return Assignment(
            torch.full((batch, number), -1, device=scores.device), torch.zeros((batch, number), device=scores.device)
        )
    candidate = _inside(points, strides, labels) & present[:, :, None]
    iou = torch.stack([box_iou(one, other) for one, other in zip(labels, boxes, strict=True)])
    alignment = scores**SCORE_POWER * iou**IOU_POWER
    # before the network predicts anything, points are equal: the nearest ones to the centre come first
    centres = (labels[..., :2] + labels[..., 2:]) / 2
    near = TINY / (1 + (centres[:, :, None] - points).norm(dim=-1) / strides)
    rank = torch.where(candidate, alignment + near, torch.zeros_like(iou))
    best, where = rank.topk(min(CANDIDATES, number), dim=2)
    chosen = torch.zeros_like(candidate).scatter(2, where, best > 0)
    winner = torch.where(chosen, iou + TINY, torch.zeros_like(iou)).argmax(dim=1)
    chosen &= winner[:, None] == torch.arange(count, device=scores.device)[:, None]
    alignment, iou = alignment * chosen, iou * chosen
    relative = alignment / (alignment.amax(dim=2, keepdim=True) + TINY)
    quality = (relative * iou.amax(dim=2, keepdim=True)).amax(dim=1)
    return Assignment(torch.where(chosen.any(dim=1), winner, -1), quality)


def _inside(points: Tensor, strides: Tensor, labels: Tensor) -> Tensor:
    """Whether each point lies inside of each label, made at least one stride wide and high; (B, G, N), bool."""
    centres, halves = (labels[..., :2] + labels[..., 2:]) / 2, (labels[..., 2:] - labels[..., :2]) / 2
    reach = torch.maximum(halves[:, :, None], strides[:, None] / 2)
    return ((centres[:, :, None] - points).abs() <= reach).all(dim=-1)
