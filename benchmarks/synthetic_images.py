"""The synthetic-like images of a cycle against the least that cloning by whole images costs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from benchmarks.row import Row, compare
from benchmarks.subjects import FOLDER, crowded, one_thread
from sissi.boxes import Boxes
from sissi.config import SyntheticImages, Training
from sissi.data.images.read import read_image
from sissi.data.resized import ResizedDataset
from sissi.method.synthetic_dataset import synthetic_dataset
from sissi.method.synthetic_images import Image
from sissi.runtime.prefetch import read_ahead

IMAGES, CELLS, HEIGHT, WIDTH = 6, 100, 480, 640
WORKERS = Training.model_fields["workers"].default


def measure() -> list[Row]:
    """A cycle of crowded images of the size that the paper's microscope takes."""
    one_thread()
    settings, frames = SyntheticImages(), _frames()
    synthetic = synthetic_dataset(frames, settings.strong, settings, 0, 1)
    return [
        compare(
            lambda: list(read_ahead(synthetic.read, [[index] for index in range(IMAGES)], WORKERS)),
            lambda: [_one_clone(path, boxes) for path, boxes in zip(frames.paths, frames.boxes, strict=True)],
            repeats=5,
            what=f"synthetic-like images of a cycle, {IMAGES} images x {CELLS} cells, {WORKERS} threads reading ahead",
            against="reading, one GaussianBlur and one seamlessClone of all cells, an image, on one thread",
            goal=0.6,
            limited_by="a Poisson equation a cell, inside OpenCV",
        )
    ]


def _frames() -> ResizedDataset:
    random = np.random.default_rng(0)
    folder = FOLDER / "crowded"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{index}.png" for index in range(IMAGES)]
    for path in paths:
        noise = random.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        cv2.imwrite(str(path), cv2.GaussianBlur(noise, (0, 0), 2))
    return ResizedDataset(tuple(paths), tuple(crowded(random, CELLS) for _ in paths), HEIGHT, WIDTH)


def _one_clone(path: Path, boxes: Boxes) -> Image:
    image, blur = read_image(path), SyntheticImages().strong
    background = cv2.GaussianBlur(image, blur.kernel, blur.sigma)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for left, top, right, bottom in boxes.xyxy.astype(int).tolist():
        mask[max(2, top) : bottom, max(2, left) : right] = 255
    left, top, width, height = cv2.boundingRect(mask)
    centre = (left + width // 2, top + height // 2)
    return np.asarray(cv2.seamlessClone(image, background, mask, centre, cv2.MIXED_CLONE), np.uint8)
