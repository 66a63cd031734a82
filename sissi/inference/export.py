"""Export of a trained detector for other programs, and its comparison with the original: the command `sissi export`."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from sissi.boxes import Boxes, make_boxes
from sissi.data.image_arguments import find_arguments
from sissi.data.images.read import read_image
from sissi.data.problems import Problems
from sissi.data.resized import resize
from sissi.detector.model import CellDetector, load, predict_each_class
from sissi.errors import SissiError
from sissi.inference.exported_network import FORMATS, MISSING, OUTPUTS, write_onnx, write_torchscript
from sissi.inference.quantised_network import quantise
from sissi.inference.trained_model import find_model

Image = npt.NDArray[np.uint8]
Detect = Callable[[Image], Boxes]


@dataclass(frozen=True)
class Comparison:
    """An exported detector against the original.

    Attributes:
        images: number of images.
        boxes: boxes of the original in them.
        unmatched: boxes of either for which the other has none of the same class within a pixel.
        difference: largest difference of a corner of the others, in px.
        original_ms: time of the original for an image, median, in ms.
        exported_ms: time of the exported detector for an image, median, in ms.
    """

    images: int
    boxes: int
    unmatched: int
    difference: float
    original_ms: float
    exported_ms: float


def export_model(
    address: str,
    to: str,
    out: Path,
    folder: Path,
    variant: str | None = None,
    int8: Sequence[str] = (),
) -> CellDetector:
    """Write a trained detector as a file for other programs.

    Args:
        address: of the model, see `find_model`.
        to: onnx or torchscript.
        out: file to write.
        folder: tracking folder with the MLflow store.
        variant: row of the latest ablation.
        int8: images by which the ranges of integers of 8 bits are set, see `find_arguments`; none: floats of 32 bits.

    Returns:
        The detector, on the CPU.

    Raises:
        SissiError: the model cannot be used or exported, there is no such form, an image cannot be read, or a package
            is missing.
    """
    if to not in FORMATS:
        raise SissiError(f"--to {to}: no such form; use one of {', '.join(FORMATS)}")
    if int8 and to != "onnx":
        raise SissiError(f"--int8: {to} has no such form; use --to onnx")
    detector = load(find_model(address, folder, variant).file)
    if int8:
        frames = _frames(detector, int8)
        with tempfile.TemporaryDirectory() as place:  # so that a failure leaves no file of floats in its stead
            floats = Path(place, "floats.onnx")
            write_onnx(detector, floats)
            quantise(floats, frames, out)
    else:
        write = write_onnx if to == "onnx" else write_torchscript
        write(detector, out)
    return detector


def compare(detector: CellDetector, to: str, file: Path, arguments: Sequence[str]) -> Comparison:
    """The boxes and the times of an exported detector and of the original, in images of the detector's size.

    Args:
        detector: the original, on the CPU.
        to: form of the file, onnx or torchscript.
        file: exported detector.
        arguments: files, folders or patterns of images, see `find_arguments`.

    Raises:
        SissiError: an image or the file cannot be read, or a package is missing.
    """
    frames = _frames(detector, arguments)
    run = _onnx_runner(file) if to == "onnx" else _torchscript_runner(file)
    expected, original_ms = _timed(lambda frame: predict_each_class(detector, [frame])[0], frames)
    found, exported_ms = _timed(run, frames)
    pairs = [nearest(*pair) for pair in zip(expected, found, strict=True)]
    return Comparison(
        len(frames),
        sum(map(len, expected)),
        sum(unmatched for unmatched, _ in pairs),
        max(difference for _, difference in pairs),
        original_ms,
        exported_ms,
    )


def _frames(detector: CellDetector, arguments: Sequence[str]) -> list[Image]:
    """Images at the detector's size.

    Raises:
        SissiError: there is none, or one cannot be read.
    """
    paths = find_arguments(arguments, Problems()).values()
    return [resize(read_image(path), *detector.image_size) for path in paths]


def nearest(expected: Boxes, found: Boxes) -> tuple[int, float]:
    """How many boxes of two records have no partner of the same class within a pixel, and how far partners differ."""
    if not (len(expected) and len(found)):
        return len(expected) + len(found), 0.0
    apart = np.abs(expected.xyxy[:, None] - found.xyxy[None]).max(axis=2)
    apart[expected.labels[:, None] != found.labels[None]] = np.inf
    partners = np.minimum(apart.min(axis=1)[:, None], apart.min(axis=0)[None]) >= apart
    partners &= apart < 1
    unmatched = (~partners.any(axis=1)).sum() + (~partners.any(axis=0)).sum()
    return int(unmatched), float(apart[partners].max(initial=0))


def _timed(detect: Detect, frames: Iterable[Image]) -> tuple[list[Boxes], float]:
    """The boxes of each image, and the median time for one, in ms; the first image is not counted if there are more."""
    found, times = [], []
    for frame in frames:
        start = time.perf_counter()
        found.append(detect(frame))
        times.append(time.perf_counter() - start)
    return found, 1000 * float(np.median(times[1:] or times))


def _onnx_runner(file: Path) -> Detect:
    try:
        import onnxruntime
    except ImportError as error:
        raise SissiError(f"--check: {MISSING}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()  # as many as the original has
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return lambda frame: make_boxes(*session.run(list(OUTPUTS), {"image": np.ascontiguousarray(frame)}))


def _torchscript_runner(file: Path) -> Detect:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # see write_torchscript
        network = torch.jit.load(file)  # type: ignore[no-untyped-call]

    @torch.inference_mode()
    def run(frame: Image) -> Boxes:
        return make_boxes(*(part.numpy() for part in network(torch.from_numpy(np.ascontiguousarray(frame)))))

    return run
