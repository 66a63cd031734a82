"""Floating-point precision of a network."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


def backbone_in_bf16(network: nn.Module) -> None:
    """Let the backbone and pyramid of a network compute in bfloat16; weights, proposals and boxes stay float32.

    Coordinates above 512 px would be multiples of 4 px in bfloat16. The names of the weights do not change, and a copy
    of the network has the same precision.
    """
    backbone: Any = network.backbone
    backbone.forward = partial(_in_bf16, backbone)


def _in_bf16(backbone: nn.Module, images: Tensor, *others: Tensor) -> Any:
    with torch.autocast(images.device.type, torch.bfloat16):
        features = type(backbone).forward(backbone, images, *others)
    return _in_float32(features)


def _in_float32(features: Any) -> Any:
    """Features in float32, in the dictionaries, lists and tuples in which they are; masks stay masks."""
    if isinstance(features, dict):
        return {name: _in_float32(level) for name, level in features.items()}
    if isinstance(features, list | tuple):
        return type(features)(_in_float32(level) for level in features)
    return features.float() if features.is_floating_point() else features
