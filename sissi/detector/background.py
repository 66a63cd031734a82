"""Weights of examples of the background in images whose labels may lack cells: published ways, and one of sissi.

An example that matches no label may lie on a cell whose label is missing. Each rule here says how much it counts as
background, from where its box lies, how far it is from the labels, and how sure the network is that it is a cell.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torchvision.ops import box_iou

ALONE = 0.1
"""IoU with every label below which an example is on a cell of its own, if it is on one at all."""
CONFIDENT = 0.5
"""Score above which the network takes an example for a cell (Zhang et al., ICASSP 2020)."""
GOMPERTZ = 50.0, 20.0
"""How the weight grows with the IoU in soft sampling: b and c of Wu et al. (BMVC 2019)."""
EDGE = 2.0
"""Distance in px from the edge of the image at which a box counts as a box at the border, as in `sissi.evaluation`."""


@torch.no_grad()
def background_weights(
    boxes: Tensor, scores: Tensor, target: Mapping[str, Tensor], height: float, width: float
) -> Tensor:
    """How much each example of an image counts, if it is background.

    The rules multiply. `background` of the target begins with a number for each: the weight of boxes at the border of
    the image; the weight far from all labels in soft sampling (Wu et al., BMVC 2019), 0.25 there; the weight of
    confident boxes that overlap no label, as in background recalibration (Zhang et al., ICASSP 2020); and the share s
    of the score p by which such boxes count less, 1 - s p.

    Args:
        boxes: predicted box of each example, shape (N, 4), px.
        scores: predicted probability that each is a cell, shape (N,), in [0, 1].
        target: target of the image.
        height: height of the image, in px.
        width: width of the image, in px.

    Returns:
        Weights, shape (N,), in [0, 1].
    """
    at_border, far, confident, share, _ = target["background"].unbind()
    overlap = torch.zeros_like(scores)
    if len(target["boxes"]):
        overlap = box_iou(boxes, target["boxes"]).amax(dim=1)
    low = (boxes[:, :2] <= EDGE).any(dim=1)
    high = (boxes[:, 2:] >= boxes.new_tensor([width - EDGE, height - EDGE])).any(dim=1)
    b, c = GOMPERTZ
    weights = far + (1 - far) * torch.exp(-b * torch.exp(-c * overlap))
    weights = torch.where(low | high, at_border * weights, weights)
    alone = overlap < ALONE
    weights = torch.where(alone & (scores > CONFIDENT), confident * weights, weights)
    return torch.where(alone, (1 - share * scores) * weights, weights)


def risk(of_cells: Tensor, of_background: Tensor, as_background: Tensor, target: Mapping[str, Tensor]) -> Tensor:
    """Loss of an image in which a share of the cells has a label: the non-negative risk of Kiryo et al. (NeurIPS 2017).

    Labelled cells stand for those without a label: these are added as cells, and what they cost as background is taken
    from the loss of the background, which does not fall below 0. With all cells labelled it is the sum of both losses.

    Args:
        of_cells: sum of the losses of labelled cells.
        of_background: sum of the losses of all other examples as background.
        as_background: sum of the losses that labelled cells would have as background.
        target: target of the image; the last number of its `background` is that share.
    """
    missing = 1 / target["background"][-1] - 1
    return (1 + missing) * of_cells + (of_background - missing * as_background).clamp(min=0)
