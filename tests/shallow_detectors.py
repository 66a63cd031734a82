"""Detectors with shallow and narrow bodies: what sissi adds is around the layers, and their number adds only time.

A ResNet-50 of torchvision has one block for each stage instead of 3 to 6, and narrow ones; box heads have 32 features
in place of 1024, pyramids 64 channels in place of 256, and RT-DETR is narrow too.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from torchvision.models.detection import backbone_utils, faster_rcnn, fcos, retinanet
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from sissi.detector.rtdetr import network as rtdetr

FEATURES = 32
WIDTH = 64
NARROW_BACKBONE = {"embedding_size": 16, "hidden_sizes": (16, 16, 24, 32), "depths": (1, 1, 1, 1)}
NARROW = {
    **{
        "encoder_in_channels": (16, 24, 32),
        "decoder_in_channels": (32, 32, 32),
        "encoder_hidden_dim": 32,
        "d_model": 32,
    },
    **{"encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "encoder_attention_heads": 4, "decoder_attention_heads": 4},
    "decoder_layers": 2,
}


def shallow_resnet(weights=None, progress=True, norm_layer=None):
    return ResNet(Bottleneck, [1, 1, 1, 1], width_per_group=8, norm_layer=norm_layer)


class NarrowPyramid(backbone_utils.BackboneWithFPN):
    def __init__(self, backbone, return_layers, in_channels_list, out_channels, extra_blocks=None, norm_layer=None):
        super().__init__(backbone, return_layers, in_channels_list, WIDTH, extra_blocks, norm_layer)


class NarrowLevels(LastLevelP6P7):
    def __init__(self, in_channels, out_channels):
        super().__init__(WIDTH, WIDTH)


class SmallHead(faster_rcnn.TwoMLPHead):
    def __init__(self, in_channels, representation_size):
        super().__init__(in_channels, FEATURES)


class SmallConvHead(faster_rcnn.FastRCNNConvFCHead):
    def __init__(self, input_size, conv_layers, fc_layers, norm_layer=None):
        super().__init__(input_size, [16], [FEATURES], norm_layer=norm_layer)


class SmallPredictor(faster_rcnn.FastRCNNPredictor):
    def __init__(self, in_channels, num_classes):
        super().__init__(FEATURES, num_classes)


@contextmanager
def shallow() -> Iterator[None]:
    """Build such bodies."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (faster_rcnn, retinanet, fcos):
            patch.setattr(module, "resnet50", shallow_resnet)
        patch.setattr(backbone_utils, "BackboneWithFPN", NarrowPyramid)
        for module in (retinanet, fcos):
            patch.setattr(module, "LastLevelP6P7", NarrowLevels)
        patch.setattr(faster_rcnn, "TwoMLPHead", SmallHead)
        patch.setattr(faster_rcnn, "FastRCNNConvFCHead", SmallConvHead)
        patch.setattr(faster_rcnn, "FastRCNNPredictor", SmallPredictor)
        patch.setattr(rtdetr, "BACKBONE", rtdetr.BACKBONE | NARROW_BACKBONE)
        patch.setattr(rtdetr, "ARCHITECTURE", rtdetr.ARCHITECTURE | NARROW)
        yield
