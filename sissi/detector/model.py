"""The cell detector: Faster R-CNN with a feature pyramid, built, saved, loaded and asked (4.1).

Prediction takes images and nothing else: truth cannot leak into it. Losses are a separate call (see `training`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN

from sissi.boxes import Boxes, make_boxes, scale
from sissi.config import Detector as DetectorSettings
from sissi.data.resized import ResizedDataset, resize
from sissi.detector.ignore_regions import support_ignore_regions
from sissi.detector.networks import paper_network, small_network
from sissi.detector.weights import coco_weights, load_weights, local_weights, read_tensors
from sissi.errors import SissiError
from sissi.runtime.files import whole_file

Image = npt.NDArray[np.uint8]
FORMAT = 1


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
    network = small_network(settings) if settings.preset == "small" else paper_network(settings)
    support_ignore_regions(network)
    if settings.weights != "none":
        load_weights(network, coco_weights() if settings.weights == "coco" else local_weights(settings.weights))
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
    content = read_tensors(path)
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


def predict_dataset(
    detector: CellDetector, dataset: ResizedDataset, batch_size: int = 8, workers: int = 0
) -> list[Boxes]:
    """Predictions for every image of a data set, in px of its frame; see `ResizedDataset.batches`."""
    return [boxes for images in dataset.batches(batch_size, workers) for boxes in predict(detector, images)]


def detect(detector: CellDetector, image: Image) -> Boxes:
    """Boxes for one (H, W, 3) uint8 RGB image of any size, in its pixels; seen at the detector's `image_size`."""
    height, width = detector.image_size
    found = predict(detector, [resize(image, height, width)])[0]
    return scale(found, image.shape[1] / width, image.shape[0] / height)


def as_tensor(image: Image, device: torch.device) -> Tensor:
    """(H, W, 3) uint8 as (3, H, W) float32 in [0, 1] on a device."""
    return torch.from_numpy(np.ascontiguousarray(image)).to(device).permute(2, 0, 1).float().div(255)
