"""Presets retinanet and fcos: one-stage detectors of torchvision (Lin et al. 2017; Tian et al. 2019)."""

from __future__ import annotations

from typing import Any

from torchvision.models.detection import FCOS, RetinaNet, fcos_resnet50_fpn, retinanet_resnet50_fpn

from sissi.config import Detector as DetectorSettings
from sissi.detector.ignoring_losses import (
    IgnoringFCOS,
    IgnoringRetinaNet,
    WeightedFCOSHead,
    WeightedRetinaNetRegressionHead,
)
from sissi.detector.input_transform import ClassesFromZero
from sissi.detector.two_stage import anchor_generator


def retinanet_network(settings: DetectorSettings, classes: int) -> RetinaNet:
    """RetinaNet on a ResNet-50 without frozen layers, for a number of classes of cells."""
    network = retinanet_resnet50_fpn(
        weights=None,
        weights_backbone=None,
        num_classes=classes,
        anchor_generator=anchor_generator(settings),
        **_limits(settings),
    )
    network.__class__ = IgnoringRetinaNet
    network.head.regression_head.__class__ = WeightedRetinaNetRegressionHead
    network.transform = ClassesFromZero()
    return network


def fcos_network(settings: DetectorSettings, classes: int) -> FCOS:
    """FCOS on a ResNet-50 without frozen layers, for a number of classes of cells."""
    network = fcos_resnet50_fpn(weights=None, weights_backbone=None, num_classes=classes, **_limits(settings))
    network.__class__ = IgnoringFCOS
    network.head.__class__ = WeightedFCOSHead
    network.transform = ClassesFromZero()
    return network


def _limits(settings: DetectorSettings) -> dict[str, Any]:
    return {
        "score_thresh": settings.score_floor,
        "nms_thresh": settings.nms_iou,
        "detections_per_img": settings.detections_per_image,
    }
