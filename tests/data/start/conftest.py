"""A folder of drawn images, as a lab has one, with boxes by a person for some of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import pytest

from sissi.config import DemoData
from sissi.data.demo.series import target_image
from sissi.data.formats import write_labels
from sissi.data.sample import Sample

SETTINGS = DemoData(kind="demo", width=128, height=96, cells=(6, 9), seed=5)
COUNT = 6


def person(folder: Path, images: Sequence[int], name: str, format: str = "coco", suffix: str = ".png") -> Path:
    """The true boxes of some of the images, written to a file beside the folder of the images."""
    samples, boxes = [], []
    for index in images:
        drawn = target_image(SETTINGS, "target_test", index)
        file = f"{index:03d}{suffix}"
        sample = Sample(file, folder / file, 96, 128, drawn.truth)
        samples.append(sample)
        boxes.append(drawn.truth)
    return write_labels(format, samples, boxes, folder.parent / name)[0]


@pytest.fixture
def lab(tmp_path, monkeypatch) -> Path:
    """A folder `images` in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    folder = tmp_path / "images"
    folder.mkdir()
    for index in range(COUNT):
        cv2.imwrite(str(folder / f"{index:03d}.png"), target_image(SETTINGS, "target_test", index).pixels)
    return folder
