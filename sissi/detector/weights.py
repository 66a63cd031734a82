"""Initial weights of a network: those of COCO or ImageNet, or a file of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import MobileNet_V3_Large_Weights, ResNet50_Weights, WeightsEnum
from torchvision.models.detection import (
    FasterRCNN_MobileNet_V3_Large_FPN_Weights,
    FasterRCNN_ResNet50_FPN_V2_Weights,
    FasterRCNN_ResNet50_FPN_Weights,
    FCOS_ResNet50_FPN_Weights,
    RetinaNet_ResNet50_FPN_Weights,
)

from sissi.config import Detector as DetectorSettings
from sissi.detector.anchor_free.backbone import fold_weights, load_imagenet_weights
from sissi.detector.rtdetr.weights import coco_weights, read_published
from sissi.errors import SissiError

COCO = {
    "mobilenet": FasterRCNN_MobileNet_V3_Large_FPN_Weights.COCO_V1,
    "resnet50": FasterRCNN_ResNet50_FPN_Weights.COCO_V1,
    "resnet50_v2": FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1,
    "retinanet": RetinaNet_ResNet50_FPN_Weights.COCO_V1,
    "fcos": FCOS_ResNet50_FPN_Weights.COCO_V1,
}
"""torchvision's weights of each preset, trained on COCO."""
CLASS_SPECIFIC = (
    *("roi_heads.box_predictor.", "head.classification_head.cls_logits.", "head.classify."),
    *(f"transformer.model.{name}." for name in ("decoder.class_embed", "enc_score_head", "denoising_class_embed")),
)
"""Beginnings of the names of tensors whose shape depends on the number of classes; they keep their random weights."""


def load_initial_weights(network: nn.Module, settings: DetectorSettings) -> None:
    """Load the weights that the settings name into a network.

    Raises:
        SissiError: the weights cannot be downloaded or read, or do not fit the network.
    """
    if settings.weights == "none":
        return
    backbone: Any = network.backbone
    if settings.weights == "imagenet" and settings.preset == "lite":
        load_imagenet_weights(backbone)
    elif settings.weights == "imagenet":
        mobile = settings.preset == "mobilenet"
        published = MobileNet_V3_Large_Weights.IMAGENET1K_V1 if mobile else ResNet50_Weights.IMAGENET1K_V1
        _load_classifier(backbone.body, download(published, "imagenet"))
    elif settings.weights == "coco" and settings.preset == "rtdetr":
        load_weights(network, coco_weights())
    elif settings.weights == "coco":
        load_weights(network, download(COCO[settings.preset], "coco"))
    else:
        path = Path(settings.weights)
        of_transformers = settings.preset == "rtdetr" and path.suffix == ".safetensors"
        weights: Mapping[str, Tensor] = read_published(path) if of_transformers else read_weights(path)
        if settings.preset == "lite":
            weights = fold_weights(backbone, weights, "backbone.network.")
        load_weights(network, weights)


def download(weights: WeightsEnum, name: str) -> dict[str, Tensor]:
    """Weights of torchvision, downloaded once and verified by their hash.

    Args:
        weights: entry of torchvision's lists of weights.
        name: value of detector.weights, for messages.

    Raises:
        SissiError: the weights cannot be downloaded, or the download is damaged.
    """
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    except Exception as error:  # torch raises many kinds for a missing network and for damaged files
        raise SissiError(
            f"detector.weights: {name}: torchvision could not get its weights {weights} ({error}). Delete a damaged "
            f"file below {torch.hub.get_dir()} and try again, or fetch {weights.url} elsewhere and set "
            "detector.weights to that file, or to none"
        ) from None
    return state


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict, or the state dict of a detector of sissi, from a file.

    Raises:
        SissiError: the file is missing or damaged, or contains no state dict.
    """
    content = read_tensors(path)
    if isinstance(content, dict) and isinstance(content.get("state"), dict):
        content = content["state"]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise SissiError(f"{path}: detector.weights needs a state dict (names and tensors) of a detector")
    return content


def read_tensors(path: Path) -> Any:
    """Read a file of tensors and plain values; no code in it is executed.

    Raises:
        SissiError: the file is missing or damaged, or contains other objects than tensors and plain values.
    """
    if not path.is_file():
        raise SissiError(f"{path}: no such file")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for damaged and for malicious files
        raise SissiError(
            f"{path}: is damaged, or contains other objects than tensors and is refused ({type(error).__name__})"
        ) from None


def load_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load all tensors except the class-specific ones; the counters of BatchNorm may be missing.

    Raises:
        SissiError: the weights do not fit the network.
    """
    own = network.state_dict()
    usable = {name: tensor for name, tensor in weights.items() if not name.startswith(CLASS_SPECIFIC)}
    unfit = [name for name, tensor in usable.items() if name in own and own[name].shape != tensor.shape]
    missing: list[str] = []
    if not unfit:
        result = network.load_state_dict(usable, strict=False)  # it also renames tensors of older versions
        unfit = list(result.unexpected_keys)
        missing = [
            name
            for name in result.missing_keys
            if not name.startswith(CLASS_SPECIFIC) and "num_batches_tracked" not in name
        ]
    if unfit or missing:
        anchors = any("rpn.head" in name or "head.regression_head.bbox_reg" in name for name in unfit)
        hint = (
            " (they need as many anchor sizes per level as they were trained with; leave anchor_sizes out)"
            if anchors
            else ""
        )
        raise SissiError(
            f"detector.weights: do not fit the preset{hint}: "
            f"{len(unfit)} tensors with another name or shape (such as {', '.join(unfit[:2]) or 'none'}), "
            f"{len(missing)} missing (such as {', '.join(missing[:2]) or 'none'})"
        )


def _load_classifier(body: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load the features of a classifier of torchvision into the backbone that torchvision made of it."""
    own = body.state_dict()
    features = {name.removeprefix("features."): tensor for name, tensor in weights.items()}
    body.load_state_dict({name: features[name] for name in own if name in features}, strict=False)
    missing = [name for name in own if name not in features]
    if missing:
        raise SissiError(
            f"detector.weights: imagenet: the weights lack {len(missing)} tensors of the backbone (such as "
            f"{missing[0]}); another version of torchvision may have other names: set detector.weights to none"
        )
