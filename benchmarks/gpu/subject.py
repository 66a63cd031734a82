"""What the GPU is measured on: drawn images, and the paper's settings for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from sissi.boxes import Boxes
from sissi.config import DemoData, Experiment
from sissi.config.load import load_experiment
from sissi.data.demo.light import Pixels
from sissi.data.demo.series import SourceRole, TargetRole, source_image, target_image
from sissi.data.formats.cellpose import mask_boxes
from sissi.data.resized import ResizedDataset

PAPER = Path(__file__).parents[2] / "experiments" / "paper.yaml"
SMALL = (
    "training.image_size=[96, 96]", "training.target_batch=2", "training.source_batch=2",
    "detector={preset: small, proposals: 50, detections_per_image: 20}",
)  # fmt: skip
"""Overrides for a try of the whole way on a CPU."""
FROM_SCRATCH = (
    "training.optimizer=adamw", "training.learning_rate=0.0005", "training.schedule=cosine", "training.warmup_steps=40",
    "training.clip_gradient=5",
)  # fmt: skip
"""Overrides for random weights, from which the paper's SGD would find nothing within some hundred iterations."""
CELLS_PER_PX = (40 / 512**2, 80 / 512**2)
"""Fewest and most cells of an image, a px of its area."""


@dataclass(frozen=True)
class Length:
    """How much is measured.

    Attributes:
        images: that are drawn for training, of each domain.
        held_out: that are drawn for AP50, of each domain.
        epoch: iterations of an epoch that is timed.
        looks: images whose labels are corrected in a repeat.
        repeats: of everything that is timed.
    """

    images: int
    held_out: int
    epoch: int
    looks: int
    repeats: int


FULL, QUICK = Length(48, 24, 40, 8, 3), Length(4, 3, 2, 1, 1)


@dataclass(frozen=True)
class Subject:
    """Images with exact labels, of both domains, to train on and held out."""

    target: ResizedDataset
    source: ResizedDataset
    held_out: dict[str, ResizedDataset]


def paper_experiment(weights: str, overrides: Sequence[str], *, small: bool) -> Experiment:
    """The paper's experiment from these weights with other settings on top; small: in a size that a CPU can try."""
    scratch = FROM_SCRATCH if weights == "none" else ()
    return load_experiment(PAPER, [*(SMALL if small else ()), f"detector.weights={weights}", *scratch, *overrides])


def draw(image_size: tuple[int, int], images: int, held_out: int, folder: Path) -> Subject:
    """Draw so many images of each domain to train on, and so many to be held out, into a folder."""
    height, width = image_size
    fewest, most = (max(1, round(share * height * width)) for share in CELLS_PER_PX)
    drawn = DemoData(kind="demo", width=width, height=height, cells=(fewest, most))
    return Subject(
        target=_target_frames(drawn, "target_train", images, folder),
        source=_source_frames(drawn, "source_train", images, folder),
        held_out={
            "target": _target_frames(drawn, "target_test", held_out, folder),
            "source": _source_frames(drawn, "source_val", held_out, folder),
        },
    )


def repeated(frames: ResizedDataset, count: int) -> ResizedDataset:
    """So many images, the same ones again and again."""
    return frames.take([index % len(frames) for index in range(count)])


def _target_frames(drawn: DemoData, role: TargetRole, count: int, folder: Path) -> ResizedDataset:
    images = [target_image(drawn, role, index) for index in range(count)]
    return _frames(drawn, folder / role, [image.pixels for image in images], [image.truth for image in images])


def _source_frames(drawn: DemoData, role: SourceRole, count: int, folder: Path) -> ResizedDataset:
    images = [source_image(drawn, role, index) for index in range(count)]
    pixels = [np.ascontiguousarray(image.pixels[:, :, ::-1]) for image in images]  # OpenCV writes BGR
    return _frames(drawn, folder / role, pixels, [mask_boxes(image.masks) for image in images])


def _frames(drawn: DemoData, folder: Path, images: Sequence[Pixels], boxes: Sequence[Boxes]) -> ResizedDataset:
    folder.mkdir(parents=True)
    paths = [folder / f"{index:03d}.png" for index in range(len(images))]
    for path, pixels in zip(paths, images, strict=True):
        path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return ResizedDataset(tuple(paths), tuple(boxes), drawn.height, drawn.width)
