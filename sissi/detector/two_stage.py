"""Presets mobilenet, resnet50 and resnet50_v2: torchvision's Faster R-CNN (4.1; Ren et al. 2015)."""

from __future__ import annotations

from typing import Any

from torchvision.models.detection import (
    FasterRCNN,
    fasterrcnn_mobilenet_v3_large_fpn,
    fasterrcnn_resnet50_fpn,
    fasterrcnn_resnet50_fpn_v2,
)
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.rpn import RPNHead

from sissi.config import Detector as DetectorSettings
from sissi.detector.ignoring_losses import support_ignore_regions
from sissi.detector.input_transform import KeepSize

BUILDERS = {
    "mobilenet": fasterrcnn_mobilenet_v3_large_fpn,
    "resnet50": fasterrcnn_resnet50_fpn,
    "resnet50_v2": fasterrcnn_resnet50_fpn_v2,
}
RPN_CONVOLUTIONS = {"mobilenet": 1, "resnet50": 1, "resnet50_v2": 2}


def torchvision_faster_rcnn(settings: DetectorSettings, classes: int) -> FasterRCNN:
    """Faster R-CNN of torchvision without frozen layers: BatchNorm is trained too, unlike in its pre-trained networks.

    Args:
        settings: settings of the network.
        classes: number of classes of cells; torchvision adds the background.
    """
    build = BUILDERS[settings.preset]
    network = build(weights=None, weights_backbone=None, num_classes=classes + 1, **limits(settings))
    anchors = anchor_generator(settings)
    numbers = anchors.num_anchors_per_location()
    if numbers != network.rpn.anchor_generator.num_anchors_per_location():
        channels = network.backbone.out_channels
        network.rpn.head = RPNHead(channels, numbers[0], conv_depth=RPN_CONVOLUTIONS[settings.preset])
    network.rpn.anchor_generator = anchors
    support_ignore_regions(network)
    network.transform = KeepSize()
    return network


def anchor_generator(settings: DetectorSettings) -> AnchorGenerator:
    """Anchors of the settings, each size with each aspect ratio.

    Raises:
        ValueError: the preset has no anchors.
    """
    if settings.anchors is None:
        raise ValueError(f"preset {settings.preset} has no anchors")
    return AnchorGenerator(settings.anchors, (settings.aspect_ratios,) * len(settings.anchors))


def limits(settings: DetectorSettings) -> dict[str, Any]:
    """Arguments of torchvision's FasterRCNN for the numbers of proposals and detections."""
    return {
        "rpn_pre_nms_top_n_train": 2 * settings.proposals,
        "rpn_pre_nms_top_n_test": 2 * settings.proposals,
        "rpn_post_nms_top_n_train": settings.proposals,
        "rpn_post_nms_top_n_test": settings.proposals,
        "box_batch_size_per_image": settings.rois_per_image,
        "box_detections_per_img": settings.detections_per_image,
        "box_score_thresh": settings.score_floor,
        "box_nms_thresh": settings.nms_iou,
    }
