"""Preset rtdetr: the detection transformer RT-DETRv2 (Zhao et al., CVPR 2024; Lv et al. 2024) of transformers.

A number of queries attend to the image, and each predicts one box. So there are neither anchors nor proposals, and
labels are assigned to queries one to one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torchvision.ops import box_convert, clip_boxes_to_image, nms

from sissi.config import Detector as DetectorSettings
from sissi.detector.batching import padded_batch
from sissi.errors import SissiError

BACKBONE: dict[str, Any] = {
    "hidden_sizes": (64, 128, 256, 512),
    "depths": (2, 2, 2, 2),
    "layer_type": "basic",
    "out_indices": (2, 3, 4),
}
ARCHITECTURE: dict[str, Any] = {
    "encoder_in_channels": BACKBONE["hidden_sizes"][1:],
    "hidden_expansion": 0.5,
    "decoder_layers": 3,
    "freeze_backbone_batch_norms": False,
    "initializer_bias_prior_prob": 0.01,
}
"""Settings of transformers for a network on a ResNet-18 of variant D, the smallest with published weights. Unlike
there, BatchNorm is trained. The score of every query before training is that of the authors' code."""


class DetectionTransformer(nn.Module):
    """Detector with the interface of torchvision's; see `sissi.detector.presets`."""

    def __init__(self, settings: DetectorSettings, classes: int) -> None:
        super().__init__()
        transformer = new_transformer(classes)
        for module in transformer.modules():
            if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
                module.reset_parameters()  # those of transformers are for published weights: signals vanish in them
        from sissi.detector.rtdetr.losses import losses  # not above: it imports transformers

        transformer.loss_function = losses
        self.transformer = transformer
        self.score_floor = settings.score_floor
        self.nms_iou = settings.nms_iou
        self.detections_per_image = settings.detections_per_image

    @property
    def backbone(self) -> nn.Module:
        """Backbone, which sees the batch of images (B, 3, H, W)."""
        backbone: nn.Module = self.transformer.model.backbone
        return backbone

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
        config = self.transformer.config
        batch = padded_batch(images, max(config.feat_strides))
        height, width = map(int, batch.shape[2:])  # numbers in an export too
        # a query begins at a place of the feature maps, of which small images have few
        places = sum((height // stride) * (width // stride) for stride in config.feat_strides)
        config.num_queries = min(self.detections_per_image, places)
        size = batch.new_tensor([width, height, width, height])
        if not self.training:
            output = self.transformer(batch)
            boxes = box_convert(output.pred_boxes, "cxcywh", "xyxy") * size
            return [
                self._detections(scores, found, (image.shape[1], image.shape[2]))
                for scores, found, image in zip(output.logits.sigmoid(), boxes, images, strict=True)
            ]
        if targets is None:
            raise ValueError("losses need targets")
        losses: dict[str, Tensor] = self.transformer(batch, labels=[_in_units(one, size) for one in targets]).loss_dict
        return losses

    def _detections(self, scores: Tensor, boxes: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
        """Detections of an image of a height and width. A cell has one class, so suppression ignores classes."""
        best, classes = scores.max(dim=1)
        best, order = best.topk(len(best))  # a stable sort has no form in ONNX
        sure = best > self.score_floor
        best, order = best[sure], order[sure]
        found = clip_boxes_to_image(boxes[order], size)
        kept = nms(found, best, self.nms_iou)
        return {"boxes": found[kept], "scores": best[kept], "labels": classes[order[kept]] + 1}


def rtdetr_network(settings: DetectorSettings, classes: int) -> DetectionTransformer:
    """RT-DETRv2 with random weights, for a number of classes of cells.

    Raises:
        SissiError: transformers is not installed.
    """
    return DetectionTransformer(settings, classes)


def new_transformer(classes: int) -> Any:
    """Network of transformers with its random weights, for a number of classes.

    Raises:
        SissiError: transformers is not installed.
    """
    library = transformers()
    backbone = library.RTDetrResNetConfig(**BACKBONE)
    config = library.RTDetrV2Config(backbone_config=backbone, num_labels=classes, **ARCHITECTURE)
    return without_second_names(library.RTDetrV2ForObjectDetection(config))


def without_second_names(transformer: Any) -> Any:
    """A network of transformers whose heads have one name each, so that a running average takes them once."""
    del transformer.class_embed, transformer.bbox_embed  # those of the decoder are the same, and compute
    return transformer


def transformers() -> Any:
    """The package transformers, without its progress bars and warnings.

    Raises:
        SissiError: it is not installed.
    """
    try:
        import transformers
    except ImportError:
        raise SissiError(
            "detector.preset: rtdetr takes the package transformers: pip install 'sissi[transformers]'"
        ) from None
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    return transformers


def _in_units(target: dict[str, Tensor], size: Tensor) -> dict[str, Tensor]:
    """Target of an image for transformers: boxes by centre and size in units of the image, and classes from 0 on."""
    boxes: dict[str, Tensor] = {
        key: box_convert(target[key].to(size.dtype) / size, "xyxy", "cxcywh")
        for key in ("boxes", "ignored")
        if key in target
    }
    weights = {key: target[key] for key in ("box_weights",) if key in target}
    return {"class_labels": target["labels"] - 1, **boxes, **weights}
