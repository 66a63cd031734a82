"""Peak memory with many target images against few: pixels stay on disk.

python -m benchmarks.memory 10000     what one of the two does: load the data and read the batches of an epoch
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from benchmarks.peak import peak_memory
from benchmarks.row import Row, of_pairs
from benchmarks.subjects import FOLDER
from sissi.config.load import load_experiment
from sissi.data.experiment_data import load_data
from sissi.data.problems import Problems
from sissi.data.resized import resized_dataset
from sissi.training.mixed_batches import MixedBatches

MANY, FEW = 10_000, 100
REPEATS = 3
HEIGHT, WIDTH, CELLS = 96, 128, 20


def measure() -> list[Row]:
    """Each in a process of its own."""
    return [
        of_pairs(
            [(_peak_of(MANY), _peak_of(FEW)) for _ in range(REPEATS)],
            what=f"peak memory with {MANY:,} target images of {CELLS} cells: loading, and the batches of an epoch",
            against=f"the same with {FEW}",
            goal=1.2,
            limited_by="the imported packages; an image costs its path and its boxes",
            measured_in="MB",
        )
    ]


def load_and_read(images: int) -> float:
    """Load so many target images, read an epoch of batches; the peak memory of this process, in MB."""
    files = (
        f"{{kind: files, folder: {_draw(images).resolve()}, target_train: {{format: celllab, images: target}}, "
        "target_test: {images: source, readers: {reader: {format: celllab, labels: source}}}, "
        "source_train: {format: celllab, images: source}, source_val: {format: celllab, images: source}}"
    )
    experiment = load_experiment(Path("experiments/smoke.yaml"), [f"data={files}", "training.target_batch=8"])
    data, size = load_data(experiment, Problems()), experiment.training.image_size
    batches = MixedBatches(
        resized_dataset(data.target_train, size), resized_dataset(data.source_train, size), experiment.training
    )
    for _ in batches.epoch(0, 1, workers=2):
        pass
    return peak_memory()


def _draw(images: int) -> Path:
    folder = FOLDER / f"{images}_images"
    if not folder.exists():
        for role, count in (("source", 10), ("target", images)):
            (folder / role).mkdir(parents=True)
            for index in range(count):
                _draw_one(folder / role / f"{index:05d}.png", np.random.default_rng(index))
    return folder


def _draw_one(path: Path, random: np.random.Generator) -> None:
    low = random.random((CELLS, 2)) * [WIDTH - 12, HEIGHT - 12]
    rows = np.concatenate([low, low + 10], axis=1)
    path.with_suffix(".txt").write_text("".join(f"cell {' '.join(f'{x:.1f}' for x in row)}\n" for row in rows))
    cv2.imwrite(str(path), random.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8))


def _peak_of(images: int) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", str(images)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    print(load_and_read(int(sys.argv[1])))
