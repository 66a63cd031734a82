"""A detector as one function of tensors, as TorchScript and ONNX hold it."""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from sissi import __version__
from sissi.detector.model import CellDetector
from sissi.errors import SissiError
from sissi.runtime.files import whole_file

FORMATS = ("onnx", "torchscript")
OUTPUTS = ("boxes", "scores", "labels")
OPSET = 17
"""Version of the operators of ONNX."""
MISSING = "needs the packages onnx and onnxruntime: pip install 'sissi[onnx]'"


class ExportedNetwork(nn.Module):
    """A detector for one image of the detector's size."""

    def __init__(self, detector: CellDetector) -> None:
        super().__init__()
        self.network = detector.network.eval()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Detections of an image.

        Args:
            image: RGB, shape (H, W, 3), uint8, of the detector's `image_size`.

        Returns:
            Boxes (N, 4), float32, left, top, right and bottom in px of the image; scores (N,), float32; labels (N,),
            int64, from 1 on.
        """
        found = self.network([image.permute(2, 0, 1).float().div(255)])[0]
        return found["boxes"], found["scores"], found["labels"]


def write_torchscript(detector: CellDetector, file: Path) -> None:
    """Write a detector on the CPU as TorchScript, which torch and torchvision load without sissi."""
    with whole_file(file) as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch recommends a form that only torch reads, and NMS is not in it
        torch.jit.save(_traced(detector), stream, _extra_files={"sissi.json": json.dumps(_about(detector))})


def write_onnx(detector: CellDetector, file: Path) -> None:
    """Write a detector on the CPU as ONNX; what it is stands under `sissi` of the file's metadata.

    Raises:
        SissiError: the package onnx is missing.
    """
    try:
        import onnx
    except ImportError as error:
        raise SissiError(f"--to onnx: {MISSING}") from error
    with tempfile.TemporaryDirectory() as folder, torch.no_grad(), warnings.catch_warnings():
        # sizes become constants, as the image has one size; the exporter that follows this one cannot export NMS
        warnings.simplefilter("ignore")
        torch.onnx.export(
            ExportedNetwork(detector),
            (_blank(detector),),
            Path(folder, "network.onnx"),
            dynamo=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=list(OUTPUTS),
            dynamic_axes={name: {0: "detections"} for name in OUTPUTS},
        )
        model = onnx.load(Path(folder, "network.onnx"))
    onnx.helper.set_model_props(model, {"sissi": json.dumps(_about(detector))})
    with whole_file(file) as stream:
        stream.write(model.SerializeToString())


def _traced(detector: CellDetector) -> torch.jit.ScriptModule:
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sizes become constants, as the image has one size
        traced: torch.jit.ScriptModule = torch.jit.trace(  # type: ignore[no-untyped-call]
            ExportedNetwork(detector), (_blank(detector),), check_trace=False
        )
    return traced


def _blank(detector: CellDetector) -> Tensor:
    return torch.zeros((*detector.image_size, 3), dtype=torch.uint8)


def _about(detector: CellDetector) -> dict[str, object]:
    return {
        "sissi": __version__,
        "preset": detector.settings.preset,
        "settings": detector.settings.without_weights().model_dump(mode="json"),
        "image_size": list(detector.image_size),
        "classes": list(detector.classes),
    }
