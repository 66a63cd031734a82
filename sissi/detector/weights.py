"""Initial weights of a network: COCO weights, or a file of tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN, FasterRCNN_ResNet50_FPN_Weights

from sissi.errors import SissiError


def coco_weights() -> dict[str, Tensor]:
    """torchvision's COCO_V1 weights, downloaded once and verified by their hash.

    Raises:
        SissiError: the weights cannot be downloaded.
    """
    try:
        weights: dict[str, Tensor] = FasterRCNN_ResNet50_FPN_Weights.COCO_V1.get_state_dict(
            progress=False, check_hash=True
        )
    except (OSError, RuntimeError) as error:
        raise SissiError(
            f"detector.weights: coco: torchvision could not download its COCO_V1 weights ({error}). Fetch "
            f"{FasterRCNN_ResNet50_FPN_Weights.COCO_V1.url} elsewhere and set detector.weights to that file, or to none"
        ) from None
    return weights


def local_weights(path: Path | str) -> dict[str, Tensor]:
    """Read a state dict from a file.

    Raises:
        SissiError: the file is missing or damaged, or contains no state dict.
    """
    content = read_tensors(Path(path))
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise SissiError(f"{path}: detector.weights needs a state dict (names and tensors) of a Faster R-CNN")
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


def load_weights(network: FasterRCNN, weights: dict[str, Tensor]) -> None:
    """Load all tensors except the class-specific box predictor; the counters of BatchNorm may be missing.

    Raises:
        SissiError: the weights do not fit the network.
    """
    own = network.state_dict()
    usable = {name: tensor for name, tensor in weights.items() if not name.startswith("roi_heads.box_predictor.")}
    unfit = [name for name, tensor in usable.items() if name not in own or own[name].shape != tensor.shape]
    missing = [
        name
        for name in own
        if name not in usable and not name.startswith("roi_heads.box_predictor.") and "num_batches_tracked" not in name
    ]
    if unfit or missing:
        hint = "" if missing else " (one anchor size per level is needed)"
        raise SissiError(
            f"detector.weights: do not fit the preset{hint}: "
            f"{len(unfit)} tensors with another name or shape (such as {', '.join(unfit[:2]) or 'none'}), "
            f"{len(missing)} missing (such as {', '.join(missing[:2]) or 'none'})"
        )
    network.load_state_dict(usable, strict=False)
