"""Preset small: Faster R-CNN on a narrow ResNet, for CPUs."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.resnet import BasicBlock
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign

from sissi.config import Detector as DetectorSettings
from sissi.detector.ignoring_losses import support_ignore_regions
from sissi.detector.input_transform import KeepSize
from sissi.detector.two_stage import anchor_generator, limits


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


def small_network(settings: DetectorSettings, classes: int) -> FasterRCNN:
    """Faster R-CNN on a narrow ResNet, with a small head, for a number of classes of cells."""
    backbone = _NarrowResNetFPN()
    crop, hidden = 5, 128
    network = FasterRCNN(
        backbone,
        rpn_anchor_generator=anchor_generator(settings),
        box_roi_pool=MultiScaleRoIAlign(["0", "1"], output_size=crop, sampling_ratio=2),
        box_head=TwoMLPHead(backbone.out_channels * crop**2, hidden),
        box_predictor=FastRCNNPredictor(hidden, classes + 1),
        **limits(settings),
    )
    support_ignore_regions(network)
    network.transform = KeepSize(size_divisible=16)
    return network
