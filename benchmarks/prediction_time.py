"""Time to find the cells in an image of 640 x 480 px, by detector and size: the table of docs/detectors.md.

    python -m benchmarks.prediction_time [--presets NAME ...] [--sizes 144x192 216x288]

An image in memory is resized, the network runs on one thread, and its boxes are suppressed and mapped back. All
networks have random weights, and a score floor that no box reaches, so that times do not depend on what was learnt.
Each runs in torch, and exported (`sissi export --to onnx`) in onnxruntime, as `sissi predict` takes both.
With ultralytics installed (under AGPL, a yardstick and no dependency), YOLO11n is measured beside them in the same way.
Times are processor time.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from sissi.config import Detector
from sissi.detector.model import CellDetector, build, detect
from sissi.detector.presets import NETWORKS
from sissi.inference.exported_network import write_onnx
from sissi.inference.onnx_network import load_for_prediction

Image = npt.NDArray[np.uint8]
SHAPE = (480, 640, 3)
REPEATS = 15
PEER = "YOLO11n"


def main() -> None:
    """Measure all in turns, so that other work on the machine slows all alike, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="*", default=["small", "lite", "mobilenet"], choices=NETWORKS)
    parser.add_argument("--sizes", nargs="*", default=["144x192", "216x288"], metavar="HEIGHTxWIDTH")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    image = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
    found: dict[tuple[str, tuple[int, ...]], Callable[[Image], object]] = {}
    for size in (tuple(map(int, text.split("x"))) for text in options.sizes):
        for preset in options.presets:
            detector = _build(preset, (size[0], size[1]))
            found[preset, size] = partial(detect, detector)
            found[f"{preset}, onnxruntime", size] = partial(detect, _exported(detector))
        peer = _peer(size[1])
        if peer:
            found[PEER, size] = peer
    times: dict[tuple[str, tuple[int, ...]], list[float]] = {key: [] for key in found}
    for _ in range(REPEATS):
        for key, find in found.items():
            started = time.process_time()
            find(image)
            times[key].append(time.process_time() - started)
    print("| detector | size | ms an image | images a second |\n| --- | --- | ---: | ---: |")
    for (name, size), values in times.items():
        typical = statistics.median(values[1:])
        print(f"| {name} | {size[0]} x {size[1]} | {1000 * typical:.1f} | {1 / typical:.0f} |")


def _build(preset: str, size: tuple[int, int]) -> CellDetector:
    torch.manual_seed(0)
    return build(Detector(preset=preset, cell_size=36, score_floor=0.999), size)  # type: ignore[arg-type]


def _exported(detector: CellDetector) -> CellDetector:
    with tempfile.TemporaryDirectory() as folder:
        write_onnx(detector, Path(folder, "detector.onnx"))
        return load_for_prediction(Path(folder, "detector.onnx"), "cpu")


def _peer(side: int) -> Callable[[Image], object] | None:
    if importlib.util.find_spec("ultralytics") is None:
        return None
    model = importlib.import_module("ultralytics").YOLO("yolo11n.yaml")
    return lambda image: model.predict(image, imgsz=side, conf=0.999, device="cpu", verbose=False)


if __name__ == "__main__":
    main()
