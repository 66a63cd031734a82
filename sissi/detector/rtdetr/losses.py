"""Losses of RT-DETR, with ignore regions and box weights; the only module with transformers among its first imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision.ops import box_convert, box_iou
from transformers.loss.loss_rt_detr import RTDetrLoss

from sissi.detector.ignoring_losses import OVERLAP, SILENT

Pairs = tuple[Tensor, Tensor]
"""Indices of the queries of an image, and of the labels that are assigned to them, shape (N,) each, int64."""


class IgnoringLoss(RTDetrLoss):  # type: ignore[misc]  # mypy does not see transformers
    """Losses in which an unassigned query on an ignore region is no background, and a box of weight 0 has no loss."""

    def loss_labels_vfl(
        self,
        outputs: Mapping[str, Tensor],
        targets: Sequence[Mapping[str, Tensor]],
        indices: Sequence[Pairs],
        num_boxes: float,
        log: bool = True,
    ) -> dict[str, Tensor]:
        """Varifocal loss of the scores."""
        silenced = _silenced(outputs, targets, indices)
        losses: dict[str, Tensor] = super().loss_labels_vfl(silenced, targets, indices, num_boxes)
        return losses

    def loss_boxes(
        self,
        outputs: Mapping[str, Tensor],
        targets: Sequence[Mapping[str, Tensor]],
        indices: Sequence[Pairs],
        num_boxes: float,
    ) -> dict[str, Tensor]:
        """L1 and generalised IoU loss of the boxes."""
        weighted = [_with_weight(pairs, target) for pairs, target in zip(indices, targets, strict=True)]
        losses: dict[str, Tensor] = super().loss_boxes(outputs, targets, weighted, num_boxes)
        return losses


def losses(
    logits: Tensor,
    labels: Sequence[Mapping[str, Tensor]],
    device: torch.device,
    pred_boxes: Tensor,
    config: Any,
    outputs_class: Tensor,
    outputs_coord: Tensor,
    *,
    enc_topk_logits: Tensor,
    enc_topk_bboxes: Tensor,
    denoising_meta_values: dict[str, Any] | None = None,
    **others: object,
) -> tuple[Tensor, dict[str, Tensor], None]:
    """Losses of all layers, of the places where the queries begin, and of queries that begin at labels with noise.

    It stands for `RTDetrForObjectDetectionLoss` of transformers, takes the same arguments, and sums the same losses to
    `loss_score` and `loss_box`.

    Args:
        logits: logits of the last layer, which `outputs_class` has too.
        labels: targets of each image.
        device: device of the network.
        pred_boxes: boxes of the last layer, which `outputs_coord` has too.
        config: settings of the network.
        outputs_class: logits of each layer and query, shape (B, L, Q, K).
        outputs_coord: boxes of each layer and query by centre and size, shape (B, L, Q, 4).
        enc_topk_logits: logits at the places where the queries begin, shape (B, Q, K).
        enc_topk_bboxes: boxes at these places, shape (B, Q, 4).
        denoising_meta_values: which of the queries begin at labels with noise, and at which labels.
        others: what other networks of transformers have.

    Returns:
        Sum of the losses, the losses, and nothing, in the form that transformers expects.
    """
    with_noise: dict[str, Any] = {}
    if denoising_meta_values is not None:
        split = denoising_meta_values["dn_num_split"]
        noisy_class, outputs_class = torch.split(outputs_class, split, dim=2)
        noisy_coord, outputs_coord = torch.split(outputs_coord, split, dim=2)
        with_noise["dn_auxiliary_outputs"] = _layers(noisy_class, noisy_coord)
        with_noise["denoising_meta_values"] = denoising_meta_values
    *before, last = _layers(outputs_class, outputs_coord)
    first = {"logits": enc_topk_logits, "pred_boxes": enc_topk_bboxes}
    found = IgnoringLoss(config).to(device)({**last, "auxiliary_outputs": [*before, first], **with_noise}, labels)
    score = torch.stack([value for name, value in found.items() if name.startswith("loss_vfl")]).sum()
    box = torch.stack([value for name, value in found.items() if not name.startswith("loss_vfl")]).sum()
    return score + box, {"loss_score": score, "loss_box": box}, None


def _layers(logits: Tensor, boxes: Tensor) -> list[dict[str, Tensor]]:
    """Outputs of each layer."""
    pairs = zip(logits.unbind(dim=1), boxes.unbind(dim=1), strict=True)
    return [{"logits": one, "pred_boxes": other} for one, other in pairs]


def _silenced(
    outputs: Mapping[str, Tensor], targets: Sequence[Mapping[str, Tensor]], indices: Sequence[Pairs]
) -> Mapping[str, Tensor]:
    """Outputs with `SILENT` as the logits of unassigned queries whose boxes overlap an ignore region."""
    silent = torch.zeros(outputs["logits"].shape[:2], dtype=torch.bool, device=outputs["logits"].device)
    for mask, boxes, target, (queries, _) in zip(silent, outputs["pred_boxes"], targets, indices, strict=True):
        if "ignored" in target:
            found, ignored = (box_convert(one, "cxcywh", "xyxy") for one in (boxes.detach(), target["ignored"]))
            mask |= (box_iou(found, ignored) >= OVERLAP).any(dim=1)
            mask[queries] = False
    if not silent.any():
        return outputs
    return {**outputs, "logits": outputs["logits"].masked_fill(silent[:, :, None], SILENT)}


def _with_weight(pairs: Pairs, target: Mapping[str, Tensor]) -> Pairs:
    """Pairs without those whose label has the box weight 0."""
    if "box_weights" not in target:
        return pairs
    queries, labels = pairs
    kept = (target["box_weights"] != 0).to(labels.device)[labels]
    return queries[kept], labels[kept]
