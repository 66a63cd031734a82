"""A detector that `sissi export` wrote as ONNX, run by onnxruntime: on a CPU in about half the time of torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sissi.config import Detector as DetectorSettings
from sissi.detector.model import CellDetector, load
from sissi.errors import SissiError
from sissi.inference.exported_network import MISSING, OUTPUTS

SUFFIX = ".onnx"


class OnnxNetwork(nn.Module):
    """Network with the interface of those of `sissi.detector.presets`, for prediction of images of one size."""

    def __init__(self, session: Any, image_size: tuple[int, int]) -> None:
        super().__init__()
        self._session = session
        self._image_size = image_size
        self.device = nn.Parameter(torch.empty(0), requires_grad=False)  # by which `CellDetector` knows its device

    def forward(self, images: Sequence[Tensor]) -> list[dict[str, Tensor]]:
        """Detections of images (3, H, W), float32, in [0, 1].

        Raises:
            SissiError: an image has another size than the exported detector.
        """
        return [self._detections(image) for image in images]

    def _detections(self, image: Tensor) -> dict[str, Tensor]:
        if tuple(image.shape[1:]) != self._image_size:
            height, width = self._image_size
            raise SissiError(
                f"an exported detector sees images of {height} x {width} px only: leave out --tta, or give the "
                "detector from which it was exported"
            )
        pixels = image.mul(255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
        found = self._session.run(list(OUTPUTS), {"image": pixels})
        return {name: torch.from_numpy(part) for name, part in zip(OUTPUTS, found, strict=True)}


def load_for_prediction(path: Path, device: str) -> CellDetector:
    """Read a detector, or an exported one, which runs on the CPU whatever the device.

    Args:
        path: file of `sissi.detector.model.save`, or of `sissi export --to onnx`, which ends in `SUFFIX`.
        device: device of a detector that is not exported.

    Raises:
        SissiError: the file is missing, damaged, or not a detector, or onnxruntime is missing.
    """
    return _load_onnx(path) if path.suffix.lower() == SUFFIX else load(path, device)


def _load_onnx(path: Path) -> CellDetector:
    try:
        import onnxruntime
    except ImportError:
        raise SissiError(f"{path}: {MISSING}") from None
    if not path.is_file():
        raise SissiError(f"{path}: no such file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class of its own for each kind of damage
        raise SissiError(f"{path}: onnxruntime cannot read it: {str(error).splitlines()[0]}") from None
    about = json.loads(session.get_modelmeta().custom_metadata_map.get("sissi", "{}"))
    if "settings" not in about:
        raise SissiError(f"{path}: was not written by `sissi export` of this version; export the detector again")
    height, width = about["image_size"]
    settings = DetectorSettings.model_validate(about["settings"])
    return CellDetector(OnnxNetwork(session, (height, width)), settings, (height, width), tuple(about["classes"]))
