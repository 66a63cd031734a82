"""Tiny data that tests share."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import settings

from sissi import cli
from sissi.boxes import make_boxes
from sissi.config import Experiment
from sissi.config.load import load_experiment
from sissi.data.resized import ResizedDataset
from tests.new_stores import copy_new_stores

HEIGHT, WIDTH = 64, 96
torch.set_num_threads(1)  # tests run side by side
cv2.setNumThreads(1)
settings.register_profile("sissi", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("sissi")


@pytest.fixture(scope="session", autouse=True)
def _copied_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        copy_new_stores(patch, tmp_path_factory.mktemp("new_store"))
        yield


def draw_cells(path: Path, seed: int, bright: bool = True) -> np.ndarray:
    """An image with three discs on a noisy ground, written to a file; its boxes as (3, 4)."""
    random = np.random.default_rng(seed)
    image = random.normal(90, 6, (HEIGHT, WIDTH, 3))
    rows = []
    for column in (16, 48, 80):
        x, y = column + int(random.integers(-5, 6)), int(random.integers(18, 46))
        radius = int(random.integers(7, 11))
        cv2.circle(image, (x, y), radius, (220.0,) * 3 if bright else (20.0,) * 3, -1)
        rows.append([x - radius, y - radius, x + radius + 1, y + radius + 1])
    cv2.imwrite(str(path), image.clip(0, 255).astype(np.uint8))
    return np.array(rows, np.float32)


def make_frames(folder: Path, count: int, first_seed: int, bright: bool = True) -> ResizedDataset:
    folder.mkdir()
    paths = [folder / f"{k:03d}.png" for k in range(count)]
    boxes = [make_boxes(draw_cells(path, first_seed + k, bright)) for k, path in enumerate(paths)]
    return ResizedDataset(tuple(paths), tuple(boxes), HEIGHT, WIDTH)


@pytest.fixture
def target(tmp_path) -> ResizedDataset:
    """Five target images with all of their labels."""
    return make_frames(tmp_path / "target", 5, 0)


@pytest.fixture
def source(tmp_path) -> ResizedDataset:
    """Four source images."""
    return make_frames(tmp_path / "source", 4, 100, bright=False)


@pytest.fixture
def sissi(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int | str | None, str, str]]:
    """The command, run in this process: its exit code, and what it wrote to its two streams."""

    def command(*arguments: str) -> tuple[int | str | None, str, str]:
        monkeypatch.setattr(sys, "argv", ["sissi", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, *capsys.readouterr()

    return command


@pytest.fixture
def smoke() -> Experiment:
    """The smoke experiment at the size of the tiny images."""
    return load_experiment(
        Path("experiments/smoke.yaml"),
        [
            f"training.image_size=[{HEIGHT}, {WIDTH}]",
            "pseudo_labels.scales=[1.0]",
            "training.epochs=4",
            "early_learning.max_epochs=2",
        ],
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests, so that none of them is waited for alone at the end; skip what an extra lacks."""
    items.sort(key=lambda item: ("at_any_moment" not in item.name, item.get_closest_marker("slow") is None))
    if importlib.util.find_spec("transformers") is None:
        missing = pytest.mark.skip(reason="transformers is not installed: pip install 'sissi[transformers]'")
        for item in items:
            if hasattr(item, "callspec") and "rtdetr" in item.callspec.params.values():
                item.add_marker(missing)
