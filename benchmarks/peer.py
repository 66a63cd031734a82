"""YOLO11n from random weights on the careful labels of an experiment: what a user would take instead.

    pip install ultralytics      # in an environment of its own: it is under AGPL, a yardstick and no dependency
    SISSI_REAL_DATA=FOLDER python -m benchmarks.peer SET --epochs 12 25 --size 192

SET is bccd, draas or t98g. Training images, test images and scores are those of experiments/detectors/SET.yaml; the
result is a line of benchmarks/detectors.jsonl beside those of `benchmarks.detectors`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import torch

from benchmarks.detectors import PEER, RESULTS
from sissi.boxes import Boxes, make_boxes
from sissi.config.load import load_experiment
from sissi.data.experiment_data import load_data
from sissi.data.formats import write_labels
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.evaluation.metrics import coco_metrics

SETTINGS = {"batch": 4, "optimizer": "AdamW", "lr0": 0.002, "device": "cpu", "workers": 0, "amp": False}


def main() -> None:
    """Train, score and note the result for each number of epochs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set")
    parser.add_argument("--epochs", type=int, nargs="+", default=[25])
    parser.add_argument("--size", type=int, default=192, help="longer side of the resized images, in px")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    root = Path(os.environ["SISSI_REAL_DATA"]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        overrides = [f"data.folder={root}", f"tracking.folder={folder}/mlruns"]
        data = load_data(load_experiment(Path(f"experiments/detectors/{options.set}.yaml"), overrides), Problems())
        described = _write(data.referenced(), data.target_test, Path(folder))
        for epochs in options.epochs:
            model, minutes = _train(described, epochs, options.size, options.seed, Path(folder, str(epochs)))
            found = [_detect(model, sample, options.size) for sample in data.target_test]
            scores = coco_metrics(found, [boxes for boxes in data.readers["reader_1"] if boxes is not None], 300)
            run = {"set": options.set, "detector": PEER, "size": [options.size] * 2, "epochs": epochs}
            run |= {"seed": options.seed, "core_minutes": round(minutes, 1)}
            run |= {name: round(100 * getattr(scores, name), 1) for name in ("AP50", "AP75", "AP", "AR")}
            print(run)
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(run) + "\n")


def _write(train: Sequence[Sample], test: Sequence[Sample], folder: Path) -> Path:
    """Write a data set in the layout of Ultralytics, and return its description."""
    for part, samples in (("train", train), ("val", test)):
        write_labels("yolo", samples, [sample.boxes for sample in samples], folder / "labels" / part)
        for sample in samples:
            link = folder / "images" / part / sample.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(sample.path.resolve())
    described = folder / "set.yaml"
    described.write_text(
        f"path: {folder}\ntrain: images/train\nval: images/val\nnames: {{0: cell}}\n", encoding="utf-8"
    )
    return described


def _train(described: Path, epochs: int, size: int, seed: int, out: Path) -> tuple[Any, float]:
    """Model after some epochs, and the minutes of processor time that it took."""
    ultralytics = importlib.import_module("ultralytics")
    ultralytics.settings.update({"mlflow": False})
    begun = time.process_time()
    quiet = {"val": False, "plots": False, "verbose": False, "project": str(out), "name": "run"}
    ultralytics.YOLO("yolo11n.yaml").train(
        data=str(described), epochs=epochs, imgsz=size, seed=seed, **SETTINGS, **quiet
    )
    minutes = (time.process_time() - begun) / 60
    return ultralytics.YOLO(out / "run" / "weights" / "last.pt"), minutes


def _detect(model: Any, sample: Sample, size: int) -> Boxes:
    """Detections in an image, in its px."""
    [result] = model.predict(
        str(sample.path), imgsz=size, conf=0.001, iou=0.6, max_det=300, device="cpu", verbose=False
    )
    return make_boxes(result.boxes.xyxy.numpy(), result.boxes.conf.numpy())


if __name__ == "__main__":
    main()
