"""Cell detector: construction, storage and prediction (4.1).

Prediction takes only images, so that no truth can leak into it. Losses are computed elsewhere (see `training`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from sissi.boxes import Boxes, make_boxes, scale
from sissi.config import Detector as DetectorSettings
from sissi.data.resized import ResizedDataset, resize
from sissi.detector.one_class import join_classes
from sissi.detector.presets import NETWORKS
from sissi.detector.weights import load_initial_weights, read_tensors
from sissi.errors import SissiError
from sissi.names import CELL_NAME
from sissi.runtime.files import whole_file

Image = npt.NDArray[np.uint8]
FORMAT = 1


@dataclass(frozen=True)
class CellDetector:
    """Detector network with its settings.

    Attributes:
        network: network of a preset, with the interface that `sissi.detector.presets` describes.
        settings: settings from which the network was built.
        image_size: height and width in px to which `detect` resizes an image.
        classes: names of the classes of cells; their labels are 1, 2, and so on.
    """

    network: nn.Module
    settings: DetectorSettings
    image_size: tuple[int, int]
    classes: tuple[str, ...] = (CELL_NAME,)

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        device: torch.device = next(self.network.parameters()).device
        return device

    def to(self, device: str) -> None:
        """Move the network to a device; on CUDA its weights become channels-last, the fastest convolution format."""
        self.network.to(device)
        if self.device.type == "cuda":
            self.network.to(memory_format=torch.channels_last)


def build(
    settings: DetectorSettings, image_size: tuple[int, int], classes: Sequence[str] = (CELL_NAME,)
) -> CellDetector:
    """Build a detector on the CPU, with random weights from torch's global random state.

    Args:
        settings: settings of the network.
        image_size: height and width in px to which `detect` resizes an image.
        classes: names of the classes of cells, from label 1 on.

    Raises:
        SissiError: weights that cannot be downloaded or read, or that do not fit the network; an unknown backbone.
    """
    network = NETWORKS[settings.preset](settings, len(classes))
    load_initial_weights(network, settings)
    return CellDetector(network, settings, image_size, tuple(classes))


def save(detector: CellDetector, path: Path) -> None:
    """Write a detector to a file as tensors and text, so that reading the file executes no code from it.

    Raises:
        SissiError: the disk is full.
    """
    state = {name: tensor.cpu() for name, tensor in detector.network.state_dict().items()}
    content = {
        "format": FORMAT,
        "settings": detector.settings.without_weights().model_dump_json(),
        "image_size": list(detector.image_size),
        "classes": list(detector.classes),
        "state": state,
    }
    with whole_file(path) as file:
        torch.save(content, file)


def load(path: Path, device: str = "cpu") -> CellDetector:
    """Read a detector from a file of `save`, and put it on a device in evaluation mode.

    Raises:
        SissiError: the file is missing, damaged, or not a detector.
    """
    content = read_tensors(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise SissiError(f"{path}: is not a detector of this version of sissi (format {FORMAT})")
    settings = DetectorSettings.model_validate_json(content["settings"])
    height, width = content["image_size"]
    with torch.random.fork_rng():  # the random weights are replaced; the global random state stays unchanged
        # files of version 0.1 have one class, without a name
        detector = build(settings, (height, width), content.get("classes", (CELL_NAME,)))
    detector.network.load_state_dict(content["state"])
    detector.network.eval()
    detector.to(device)
    return detector


def predict(detector: CellDetector, images: Sequence[Image]) -> list[Boxes]:
    """Predict boxes for a batch of images, in evaluation mode and without a resize.

    Args:
        detector: detector.
        images: RGB images, shape (H, W, 3) each, uint8.

    Returns:
        Boxes of each image, in its px, one for each cell; see `join_classes`.
    """
    return [join_classes(boxes, detector.settings.nms_iou) for boxes in predict_each_class(detector, images)]


@torch.inference_mode()
def predict_each_class(detector: CellDetector, images: Sequence[Image]) -> list[Boxes]:
    """Predict boxes as `predict`, but of a cell one for each class that it may be of, with the score of that class."""
    network = detector.network.eval()
    outputs = network([as_tensor(image, detector.device) for image in images])
    return [make_boxes(*(output[key].cpu().numpy() for key in ("boxes", "scores", "labels"))) for output in outputs]


def predict_dataset(
    detector: CellDetector, dataset: ResizedDataset, batch_size: int = 8, workers: int = 0
) -> list[Boxes]:
    """Predict boxes for every image of a data set, in px of the resized image; see `ResizedDataset.batches`."""
    return [boxes for images in dataset.batches(batch_size, workers) for boxes in predict(detector, images)]


def detect(detector: CellDetector, image: Image) -> Boxes:
    """Predict boxes for one image, resized to the detector's `image_size`.

    Args:
        detector: detector.
        image: RGB image of any size, shape (H, W, 3), uint8.

    Returns:
        Boxes in px of the given image.
    """
    height, width = detector.image_size
    boxes = predict(detector, [resize(image, height, width)])[0]
    return scale(boxes, image.shape[1] / width, image.shape[0] / height)


def as_tensor(image: Image, device: torch.device) -> Tensor:
    """Convert an image (H, W, 3) uint8 to a tensor (3, H, W) float32 in [0, 1] on a device."""
    return torch.from_numpy(np.ascontiguousarray(image)).to(device).permute(2, 0, 1).float().div(255)
