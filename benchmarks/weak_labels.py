"""Weak labels by image processing: speed of each pipeline, F1 on each kind of cell, and how often `auto` is right.

    python -m benchmarks weak_labels

Speed is that of one core. Quality is that on drawn images (see docs/demo.md) of seeds on which nothing was chosen. With
SISSI_REAL_DATA=FOLDER, a folder with the sets t98g, nuclei, draas and bccd (of experiments/bccd.yaml), also F1 of each
pipeline on each of them, as a table too, and that of the settings of experiments/weak_labels/blood_smear.yaml on the
half of the bccd images that they were chosen on, and on the other half.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks import real_images
from sissi.boxes import Boxes
from sissi.config import DemoData, LabelFiles, WeakLabels
from sissi.config.load import load_weak_labels
from sissi.config.sizes import DRAWN_CELL
from sissi.data.demo.series import target_image
from sissi.data.find import decode_all, find_images
from sissi.data.images.read import read_image
from sissi.data.labels import read_labels
from sissi.data.problems import Problems
from sissi.evaluation.label_quality import LabelQuality, label_quality
from sissi.names import PipelineName
from sissi.weak_labels import PIPELINE_OF_CATEGORY, choose, find_cells, label_cells
from sissi.weak_labels.cell_size import size_in

Row = tuple[str, float, str]
SEEDS = (11, 12, 13)
"""Drawings that no setting was chosen on: that was done on seeds 1, 2 and 3."""
REPEATS = 5
PRESET = Path(__file__).parent.parent / "experiments" / "weak_labels" / "blood_smear.yaml"


def measure() -> list[Row]:
    """Name, value and unit of everything that is measured."""
    real = os.environ.get("SISSI_REAL_DATA")
    on_real = (*real_images.measure(Path(real)), *blood_smears(Path(real) / "bccd")) if real else ()
    return [*speed(), *quality(), *on_real]


def speed() -> list[Row]:
    """Images of 640x480 a second of processor time on one core: medians of repeats in which all take turns.

    Cells have 23 px, about 100 an image, or 100 px, about 6 an image.
    """
    cv2.setNumThreads(1)
    tasks: dict[str, tuple[Callable[[npt.NDArray[np.uint8], WeakLabels], object], float]] = {}
    for size in (DRAWN_CELL, 100.0):
        for pipeline in get_args(PipelineName):
            tasks[f"{pipeline}, cells of {size:.0f} px"] = (partial(_find, pipeline), size)
        tasks[f"auto, the choice, cells of {size:.0f} px"] = (choose, size)
        tasks[f"size of cells, of {size:.0f} px"] = (lambda image, _: size_in(image), size)
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(REPEATS):
        for name, (task, size) in tasks.items():
            for image in _drawn(size):
                start = time.process_time()
                task(image, WeakLabels().for_cells_of(size))
                times[name].append(time.process_time() - start)
    return [(f"speed: {name}", 1 / statistics.median(seconds), "images/s") for name, seconds in times.items()]


def _find(pipeline: PipelineName, image: npt.NDArray[np.uint8], settings: WeakLabels) -> Boxes:
    return find_cells(image, settings, pipeline)


@cache
def _drawn(size: float) -> tuple[npt.NDArray[np.uint8], ...]:
    """Three drawings of 640x480, enlarged until their cells have this size in px."""
    factor = size / DRAWN_CELL
    count = (round(90 / factor**2), round(110 / factor**2))
    width, height = round(640 / factor), round(480 / factor)
    drawn = DemoData(kind="demo", seed=SEEDS[0], width=width, height=height, cells=count)
    pixels = [target_image(drawn, "target_train", index).pixels for index in range(3)]
    return tuple(np.asarray(cv2.resize(one, (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8) for one in pixels)


def quality() -> list[Row]:
    """F1 of each pipeline on each kind of drawn images, precision and recall of the right one, and auto's accuracy."""
    settings, rows = WeakLabels(), []
    images = [target_image(DemoData(kind="demo", seed=seed), "target_train", k) for seed in SEEDS for k in range(48)]
    for kind, right in PIPELINE_OF_CATEGORY.items():
        mine = [image for image in images if image.kind == kind]
        photographs, truth = [_as_jpeg(image.pixels) for image in mine], [image.truth for image in mine]
        for pipeline in get_args(PipelineName):
            labels = [find_cells(photograph, settings, pipeline) for photograph in photographs]
            rows += _rows(f"{kind} images: {pipeline}", label_quality(labels, truth))
        hits = [choose(photograph, settings).pipeline == right for photograph in photographs]
        rows.append((f"{kind} images: auto takes {right}", 100 * float(np.mean(hits)), "%"))
    return rows


def _as_jpeg(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The image as the demo's files hold it."""
    encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)


def blood_smears(folder: Path) -> list[Row]:
    """The blood smear preset, and the published labels, against the careful re-annotation."""
    found = find_images(folder / "images" / "train", "flat", Problems(), "images")
    samples = decode_all(found, "images", Problems())
    truth = _labels(folder, found, LabelFiles(format="coco", labels=Path("train_reference.json")))
    published = _labels(folder, found, LabelFiles(format="voc", labels=Path("Annotations"), classes=("RBC", "WBC")))
    settings = load_weak_labels(PRESET)
    labels = {s.name: label_cells(read_image(s.path), settings, None) for s in samples if s.name in truth}
    halves = {"tuned on": sorted(truth)[::2], "held out": sorted(truth)[1::2]}
    return [
        row
        for half, names in halves.items()
        for who, boxes in (("preset", labels), ("published labels", published))
        for row in _rows(f"blood smears, {half}: {who}", _compare(names, boxes, truth))
    ]


def _labels(folder: Path, found: Mapping[str, Path], source: LabelFiles) -> dict[str, Boxes]:
    samples = decode_all(found, "images", Problems())
    return read_labels(source, folder, samples, Problems(), "labels", others=None)


def _compare(names: Iterable[str], labels: Mapping[str, Boxes], truth: Mapping[str, Boxes]) -> LabelQuality:
    both = [name for name in names if name in labels]
    return label_quality([labels[name] for name in both], [truth[name] for name in both])


def _rows(name: str, found: LabelQuality) -> list[Row]:
    shares = {"F1": found.f1, "precision": found.precision, "recall": found.recall, "mean IoU": found.mean_iou}
    return [(f"{name}: {measure}", share, "") for measure, share in shares.items()]
