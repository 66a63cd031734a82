"""The cell detector: Faster R-CNN with a feature pyramid, built, saved, loaded and asked (4.1).

Prediction takes images and nothing else: truth cannot leak into it. Losses are a separate call (see `training`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN, FasterRCNN_ResNet50_FPN_Weights, fasterrcnn_resnet50_fpn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.models.resnet import BasicBlock
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign

from sissi.boxes import Boxes, make_boxes, scale
from sissi.config import Detector as DetectorSettings
from sissi.data.resized import Frames, resize
from sissi.detector.ignore_regions import ignore_doubtful
from sissi.errors import SissiError
from sissi.runtime.files import whole_file

Image = npt.NDArray[np.uint8]
FORMAT = 1
IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
CLASSES = 2
"""Background and cell."""


@dataclass(frozen=True)
class CellDetector:
    """A network with what is needed to use it.

    Attributes:
        network: torchvision's Faster R-CNN; it never resizes its input.
        settings: what it was built from.
        image_size: height and width in px to which `detect` resizes an image.
    """

    network: FasterRCNN
    settings: DetectorSettings
    image_size: tuple[int, int]

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        device: torch.device = next(self.network.parameters()).device
        return device

    def to(self, device: str) -> None:
        """Move the network; on CUDA its weights are channels-last too, as convolutions are fastest there."""
        self.network.to(device)
        if self.device.type == "cuda":
            self.network.to(memory_format=torch.channels_last)


def build(settings: DetectorSettings, image_size: tuple[int, int]) -> CellDetector:
    """A detector as the settings say, drawn from torch's global random state, on the CPU.

    Raises:
        SissiError: weights that cannot be downloaded, read or fitted.
    """
    network = _small(settings) if settings.preset == "small" else _paper(settings)
    ignore_doubtful(network)
    if settings.weights != "none":
        _load_weights(network, _coco_weights() if settings.weights == "coco" else _local_weights(settings.weights))
    return CellDetector(network, settings, image_size)


def save(detector: CellDetector, path: Path) -> None:
    """Write the detector as tensors and text; it is read back without executing anything from the file."""
    state = {name: tensor.cpu() for name, tensor in detector.network.state_dict().items()}
    settings = detector.settings.model_copy(update={"weights": "none"}).model_dump_json()
    content = {"format": FORMAT, "settings": settings, "image_size": list(detector.image_size), "state": state}
    with whole_file(path) as file:
        torch.save(content, file)


def load(path: Path, device: str = "cpu") -> CellDetector:
    """The detector in a file that `save` wrote, on a device, in evaluation mode.

    Raises:
        SissiError: a file that is missing, damaged, or not a detector.
    """
    content = _read_tensors(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise SissiError(f"{path}: is not a detector of this version of sissi (format {FORMAT})")
    settings = DetectorSettings.model_validate_json(content["settings"])
    height, width = content["image_size"]
    with torch.random.fork_rng():  # the random first weights are replaced, and nobody else's draws are changed
        detector = build(settings, (height, width))
    detector.network.load_state_dict(content["state"])
    detector.network.eval()
    detector.to(device)
    return detector


@torch.inference_mode()
def predict(detector: CellDetector, images: Sequence[Image]) -> list[Boxes]:
    """Boxes for each image of (H, W, 3) uint8 RGB, in its own pixels, as one batch in plain evaluation mode.

    No image is resized: the size that is passed is the size that the backbone sees.
    """
    network = detector.network.eval()
    found = network([as_tensor(image, detector.device) for image in images])
    return [make_boxes(*(one[key].cpu().numpy() for key in ("boxes", "scores", "labels"))) for one in found]


def predict_frames(detector: CellDetector, frames: Frames, batch_size: int = 8, workers: int = 0) -> list[Boxes]:
    """Predictions for every image of a data set, in px of its frame; see `Frames.batches`."""
    return [boxes for images in frames.batches(batch_size, workers) for boxes in predict(detector, images)]


def detect(detector: CellDetector, image: Image) -> Boxes:
    """Boxes for one (H, W, 3) uint8 RGB image of any size, in its pixels; seen at the detector's `image_size`."""
    height, width = detector.image_size
    found = predict(detector, [resize(image, height, width)])[0]
    return scale(found, image.shape[1] / width, image.shape[0] / height)


def as_tensor(image: Image, device: torch.device) -> Tensor:
    """(H, W, 3) uint8 as (3, H, W) float32 in [0, 1] on a device."""
    return torch.from_numpy(np.ascontiguousarray(image)).to(device).permute(2, 0, 1).float().div(255)


class _KeepSize(GeneralizedRCNNTransform):  # type: ignore[misc]  # torchvision has no types
    """torchvision's input transform without its resize, which would undo the scales of test-time augmentation.

    Mean and deviation lie where the network lies: torchvision's own are copied there for every image, and a GPU's host
    waits for each copy. The same goes for the factors by which boxes would be put back to a size that never changed.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(0, 0, IMAGENET_MEAN, IMAGENET_STD, **options)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(IMAGENET_STD)[:, None, None], persistent=False)

    def normalize(self, image: Tensor) -> Tensor:
        normal: Tensor = (image - self.mean) / self.deviation
        return normal

    def postprocess(self, result: list[dict[str, Tensor]], *sizes: object) -> list[dict[str, Tensor]]:
        return result

    def resize(self, image: Tensor, target: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor] | None]:
        return image, target


class _NarrowResNetFPN(nn.Module):
    """A ResNet of three thin stages at strides 4, 8 and 16, with a pyramid of which strides 4 and 8 are used."""

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
    """Arguments of torchvision's FasterRCNN that both presets share."""
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


def _small(settings: DetectorSettings) -> FasterRCNN:
    backbone = _NarrowResNetFPN()
    crop, hidden = 5, 128
    network = FasterRCNN(
        backbone,
        box_roi_pool=MultiScaleRoIAlign(["0", "1"], output_size=crop, sampling_ratio=2),
        box_head=TwoMLPHead(backbone.out_channels * crop**2, hidden),
        box_predictor=FastRCNNPredictor(hidden, CLASSES),
        **_common(settings),
    )
    network.transform = _KeepSize(size_divisible=16)
    return network


def _paper(settings: DetectorSettings) -> FasterRCNN:
    """ResNet-50 FPN with no layer frozen: BatchNorm learns too, unlike torchvision's own pre-trained build."""
    network = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=CLASSES, **_common(settings))
    network.transform = _KeepSize()
    return network


def _coco_weights() -> dict[str, Tensor]:
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


def _local_weights(path: Path | str) -> dict[str, Tensor]:
    content = _read_tensors(Path(path))
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise SissiError(f"{path}: detector.weights needs a state dict (names and tensors) of a Faster R-CNN")
    return content


def _read_tensors(path: Path) -> Any:
    if not path.is_file():
        raise SissiError(f"{path}: no such file")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for damaged and for malicious files
        raise SissiError(
            f"{path}: is damaged, or holds more than tensors and is refused ({type(error).__name__})"
        ) from None


def _load_weights(network: FasterRCNN, weights: dict[str, Tensor]) -> None:
    """Take every tensor but the class-specific box predictor; BatchNorm's counters may be missing."""
    own = network.state_dict()
    usable = {name: tensor for name, tensor in weights.items() if not name.startswith("roi_heads.box_predictor.")}
    unfit = [name for name, tensor in usable.items() if name not in own or own[name].shape != tensor.shape]
    missing = [
        name
        for name in own
        if name not in usable and not name.startswith("roi_heads.box_predictor.") and "num_batches_tracked" not in name
    ]
    if unfit or missing:
        raise SissiError(
            f"detector.weights: do not fit the preset {'(one anchor size a level is needed)' if not missing else ''}: "
            f"{len(unfit)} tensors of another name or shape (such as {', '.join(unfit[:2]) or 'none'}), "
            f"{len(missing)} missing (such as {', '.join(missing[:2]) or 'none'})"
        )
    network.load_state_dict(usable, strict=False)
