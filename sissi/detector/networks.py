"""Networks of the presets, built by torchvision: backbone, anchors and heads (4.1)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN, fasterrcnn_resnet50_fpn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.models.resnet import BasicBlock
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign

from sissi.config import Detector as DetectorSettings

IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
CLASSES = 2
"""Number of classes: background and cell."""


class KeepSize(GeneralizedRCNNTransform):  # type: ignore[misc]  # torchvision has no types
    """torchvision's input transform without its resize, which would undo the scales of test-time augmentation.

    Mean and standard deviation are buffers on the network's device. torchvision copies its own to the device for every
    image, and the CPU waits for each copy. The scaling of boxes back to the input size is omitted for the same reason:
    the size never changes.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(0, 0, IMAGENET_MEAN, IMAGENET_STD, **options)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(IMAGENET_STD)[:, None, None], persistent=False)

    def normalize(self, image: Tensor) -> Tensor:
        """Normalise an image (3, H, W) in [0, 1] by mean and standard deviation of ImageNet."""
        normal: Tensor = (image - self.mean) / self.deviation
        return normal

    def postprocess(self, result: list[dict[str, Tensor]], *sizes: object) -> list[dict[str, Tensor]]:
        """Return the boxes unchanged, since images are not resized."""
        return result

    def resize(self, image: Tensor, target: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor] | None]:
        """Return image and boxes unchanged."""
        return image, target


class _NarrowResNetFPN(nn.Module):
    """ResNet of three narrow stages at strides 4, 8 and 16, with a feature pyramid whose strides 4 and 8 are used."""

    out_channels = 48
    stages = ((16, 32), (32, 64), (64, 96))

    def __init__(self) -> None:
        super().__init__()
        stem = self.stages[0][0]
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(stem), nn.ReLU(inplace=True)
        )
        self.layers = nn.ModuleList(_residual(narrow, wide) for narrow, wide in self.stages)
        self.pyramid = FeaturePyramidNetwork([wide for _, wide in self.stages], self.out_channels)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features = OrderedDict()
        level = self.stem(images)
        for index, layer in enumerate(self.layers):
            level = layer(level)
            features[str(index)] = level
        pyramid = self.pyramid(features)
        return {name: pyramid[name] for name in ("0", "1")}


def _residual(narrow: int, wide: int) -> BasicBlock:
    shortcut = nn.Sequential(nn.Conv2d(narrow, wide, 1, stride=2, bias=False), nn.BatchNorm2d(wide))
    return BasicBlock(narrow, wide, stride=2, downsample=shortcut)


def _common(settings: DetectorSettings) -> dict[str, Any]:
    """Arguments of torchvision's FasterRCNN for both presets."""
    ratios = (settings.aspect_ratios,) * len(settings.anchor_sizes)
    return {
        "rpn_anchor_generator": AnchorGenerator(settings.anchor_sizes, ratios),
        "rpn_pre_nms_top_n_train": 2 * settings.proposals,
        "rpn_pre_nms_top_n_test": 2 * settings.proposals,
        "rpn_post_nms_top_n_train": settings.proposals,
        "rpn_post_nms_top_n_test": settings.proposals,
        "box_batch_size_per_image": settings.rois_per_image,
        "box_detections_per_img": settings.detections_per_image,
        "box_score_thresh": settings.score_floor,
        "box_nms_thresh": settings.nms_iou,
    }


def small_network(settings: DetectorSettings) -> FasterRCNN:
    """Faster R-CNN on a narrow ResNet, for CPUs."""
    backbone = _NarrowResNetFPN()
    crop, hidden = 5, 128
    network = FasterRCNN(
        backbone,
        box_roi_pool=MultiScaleRoIAlign(["0", "1"], output_size=crop, sampling_ratio=2),
        box_head=TwoMLPHead(backbone.out_channels * crop**2, hidden),
        box_predictor=FastRCNNPredictor(hidden, CLASSES),
        **_common(settings),
    )
    network.transform = KeepSize(size_divisible=16)
    return network


def paper_network(settings: DetectorSettings) -> FasterRCNN:
    """ResNet-50 FPN without frozen layers: BatchNorm is trained too, unlike in torchvision's pre-trained network."""
    network = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=CLASSES, **_common(settings))
    network.transform = KeepSize()
    return network
