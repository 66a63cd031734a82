"""How cost grows: with images, with cells in an image, with the versions of test-time augmentation.

python -m benchmarks.growth              measures, and draws docs/growth.png
python -m benchmarks.growth images 300   one point, as JSON
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from benchmarks.peak import peak_memory
from benchmarks.subjects import FOLDER, crowded, demo, detections, one_thread, silent
from sissi.config import PseudoLabels
from sissi.data.resized import ResizedDataset
from sissi.detector.model import predict
from sissi.evaluation.metrics import coco_metrics
from sissi.method.pseudo_labels import fuse, pseudo_labels
from sissi.method.self_training import predict_pseudo_labels
from sissi.method.synthetic_dataset import synthetic_dataset
from sissi.method.synthetic_images import synthesise
from sissi.training.epoch import train_epoch
from sissi.training.mixed_batches import MixedBatches

AXES = {"images": (100, 300, 1000), "cells": (20, 100, 300), "views": (1, 4, 20)}
TITLES = {
    "images": "a cycle of the demo's settings:\ncorrection, cloning, an epoch",
    "cells": "an image of 640 x 480 px: fusion of\n20 views, cloning, COCO metrics",
    "views": "label correction of 20 images\nof the demo",
}
PLOT = Path("docs/growth.png")
REPEATS = 3
"""Of each point."""


def spent(work: Callable[[], object]) -> float:
    """Processor time of a call, in s: steadier than the clock on the wall."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def images(count: int) -> float:
    """A cycle of self-training on so many images of 96 x 96 px."""
    ready = demo(epochs=0)
    settings = ready.experiment.model_copy(
        update={"training": ready.experiment.training.model_copy(update={"target_batch": 8})}
    )
    frames, cloning = _small_frames(count), settings.synthetic_images

    def cycle() -> None:
        predict_pseudo_labels(ready.learner.teacher, frames, settings, silent)
        cloned = synthetic_dataset(frames, cloning.strong, cloning, 0, 1)
        train_epoch(ready.learner, MixedBatches(cloned, ready.source, settings.training), 0, 1, silent)

    return spent(cycle)


def cells(count: int) -> float:
    """What boxes cost in an image: everything but the network."""
    random = np.random.default_rng(0)
    truth, settings = crowded(random, count), demo(epochs=0).experiment
    views = [detections(random, truth, count) for _ in range(20)]
    image = cv2.GaussianBlur(random.integers(0, 255, (480, 640, 3), np.uint8), (0, 0), 2)

    def work() -> None:
        fuse(views, 480, 640, PseudoLabels())
        synthesise(np.asarray(image, np.uint8), truth, settings.synthetic_images.strong, 5)
        coco_metrics([views[0]], [truth], 300)

    work()
    return min(spent(work) for _ in range(3))


def views(count: int) -> float:
    """Label correction by 1, 4 or 20 versions of an image."""
    ready = demo(epochs=1)
    scales = {1: (1.0,), 4: (1.0,), 20: (0.8, 0.9, 1.0, 1.1, 1.2)}[count]
    flips = ("none",) if count == 1 else ("none", "horizontal", "vertical", "both")
    settings = PseudoLabels.model_validate({"scales": scales, "flips": flips})
    seen = [ready.target.read(index) for index in range(20)]
    detector = ready.learner.teacher

    def work() -> None:
        for image in seen:
            pseudo_labels(lambda batch: predict(detector, batch), image, settings)

    return spent(work)


def _small_frames(count: int) -> ResizedDataset:
    folder = FOLDER / "growth" / "small"
    folder.mkdir(parents=True, exist_ok=True)
    random, paths, boxes = np.random.default_rng(0), [], []
    for index in range(count):
        paths.append(folder / f"{index:04d}.png")
        if not paths[-1].exists():
            cv2.imwrite(str(paths[-1]), random.integers(0, 255, (96, 96, 3), np.uint8))
        boxes.append(crowded(random, 5, 96, 96))
    return ResizedDataset(tuple(paths), tuple(boxes), 96, 96)


def _point(axis: str, count: int) -> dict[str, float]:
    """Medians of a point over processes of its own, for their peak memory."""
    command = [sys.executable, "-m", "benchmarks.growth", axis, str(count)]
    told = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(REPEATS)]
    runs: list[dict[str, float]] = [json.loads(line) for line in told]
    point = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    print(f"{axis} {count}: {point['s']:.2f} s, {point['mb']:.0f} MB", flush=True)
    return point


def _draw(measured: dict[str, list[dict[str, float]]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(2, len(AXES), figsize=(11, 6), sharex="col", layout="constrained")
    for column, (axis, counts) in enumerate(AXES.items()):
        for row, (key, name) in enumerate((("s", "processor time, s"), ("mb", "peak memory, MB"))):
            panel = panels[row, column]
            panel.plot(counts, [point[key] for point in measured[axis]], "o-", color="#1b6ca8")
            panel.set_ylim(0, 1.15 * max(point[key] for point in measured[axis]))
            panel.set_xlim(left=0)
            panel.set_ylabel(name)
            panel.grid(alpha=0.3)
        panels[0, column].set_title(TITLES[axis], fontsize=10)
        panels[1, column].set_xlabel(axis)
    figure.savefig(PLOT, dpi=110)


def main() -> None:
    """One point, or all of them and their plot."""
    if len(sys.argv) == 3:
        one_thread()
        cost = {"images": images, "cells": cells, "views": views}[sys.argv[1]](int(sys.argv[2]))
        print(json.dumps({"s": cost, "mb": peak_memory()}))
        return
    _draw({axis: [_point(axis, count) for count in counts] for axis, counts in AXES.items()})


if __name__ == "__main__":
    main()
