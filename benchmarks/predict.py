"""`sissi predict` on files, against the forward passes alone, on images that are decoded and resized already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console

from benchmarks.commands import fresh
from benchmarks.row import Row, compare
from benchmarks.subjects import one_thread
from sissi.config import Detector
from sissi.data.images.read import read_image
from sissi.data.resized import Image, resize
from sissi.detector.model import CellDetector, build, predict, save
from sissi.inference.predict_folder import Options, predict_folder

IMAGES, BATCH = 200, 8
SHAPE, SIZE = (480, 640, 3), (144, 192)


def measure() -> list[Row]:
    """In this process, with one thread for the detector, as nothing is drawn and no label file is written."""
    one_thread()
    folder = fresh("predict")
    files = _images(folder / "images")
    detector = build(Detector(preset="lite", score_floor=0.5), SIZE)
    detector.network.eval()
    save(detector, folder / "detector.pt")
    decoded = [resize(read_image(file), *SIZE) for file in files]
    return [
        compare(
            lambda: _predict(folder, fresh("predict_out")),
            lambda: _forward(detector, decoded),
            repeats=3,
            what=f"`sissi predict` with lite, {IMAGES} JPEG images of 640 x 480 px to counts.csv",
            against="forward passes on the same images, decoded and resized in memory",
            goal=1.15,
            limited_by="decoding, which shares the cores with the network, and digests of the files",
        )
    ]


def _images(folder: Path) -> list[Path]:
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    files = [folder / f"{number:03d}.jpg" for number in range(IMAGES)]
    for file in files:
        coarse = random.integers(0, 256, (SHAPE[0] // 16, SHAPE[1] // 16, 3), np.uint8)
        cv2.imwrite(str(file), cv2.resize(coarse, SHAPE[1::-1]))
    return files


def _predict(folder: Path, out: Path) -> None:
    options = Options(None, "none", tta=False, overlays=False, format=None, batch=BATCH, store=folder / "mlruns")
    predict_folder(str(folder / "detector.pt"), [str(folder / "images")], out, options, Console(quiet=True))


def _forward(detector: CellDetector, decoded: Sequence[Image]) -> None:
    for start in range(0, len(decoded), BATCH):
        predict(detector, decoded[start : start + BATCH])
