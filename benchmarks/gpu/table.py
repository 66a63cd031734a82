"""The figures of the GPU as JSON and as Markdown tables, with machine and versions."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks import report
from benchmarks.gpu.accuracy import RUNS, Score
from benchmarks.gpu.speed import SHORT, Looking, Training

PACKAGES = ("torch", "torchvision", "numpy", "opencv-python-headless", "numba", "albumentations")


@dataclass(frozen=True)
class Speed:
    """Of a precision."""

    training: Training
    correction: Looking
    evaluation: Looking


def write(subject: str, speeds: Mapping[str, Speed], scores: Sequence[Score], device: str, folder: Path) -> None:
    """Write gpu.json and gpu.md to a folder, with what has been measured so far."""
    measured_on = machine(device)
    content = {
        "machine": measured_on,
        "subject": subject,
        "speed": {precision: asdict(speed) for precision, speed in speeds.items()},
        "accuracy": [asdict(score) for score in scores],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gpu.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (folder / "gpu.md").write_text(markdown(subject, speeds, scores, measured_on), encoding="utf-8")


def markdown(subject: str, speeds: Mapping[str, Speed], scores: Sequence[Score], measured_on: str) -> str:
    """A table of speed, and one of accuracy."""
    rows = {
        "training, images/s": [_rates(speed.training.images_per_second) for speed in speeds.values()],
        "share of it in which the GPU works": [_number(speed.training.busy, "{:.0%}") for speed in speeds.values()],
        f"waits for the GPU in {SHORT} iterations: called by sissi, inside torch": [
            f"{speed.training.waits.sissi}, {speed.training.waits.torch}" if speed.training.waits else "-"
            for speed in speeds.values()
        ],
        "memory of training, GB": [_number(speed.training.gigabytes) for speed in speeds.values()],
        "label correction, images/s": [_rates(speed.correction.images_per_second) for speed in speeds.values()],
        "memory of label correction, GB": [_number(speed.correction.gigabytes) for speed in speeds.values()],
        "evaluation, images/s": [_rates(speed.evaluation.images_per_second) for speed in speeds.values()],
        "memory of evaluation, GB": [_number(speed.evaluation.gigabytes) for speed in speeds.values()],
    }
    speed_table = _table(["", *speeds], [[name, *cells] for name, cells in rows.items()])
    return f"{subject}\n\n{speed_table}\n{accuracy_table(scores)}\n{measured_on}\n"


def accuracy_table(scores: Sequence[Score]) -> str:
    """AP50 in percent of each seed and run, and what the later runs of a seed differ by from its first."""
    by_run = {run: {score.seed: score.ap50 for score in scores if score.run == run} for run in RUNS}
    complete = [seed for seed in by_run["bf16"] if all(seed in of for of in by_run.values())]
    rows = []
    for domain in scores[0].ap50 if scores else ():
        values = {run: [100 * by_run[run][seed][domain] for seed in complete] for run in RUNS}
        for position, seed in enumerate(complete):
            rows.append([f"{domain}, seed {seed}", *(f"{of[position]:.1f}" for of in values.values())])
        if complete:
            first = values["float32"]
            rows.append([f"{domain}, mean", *(f"**{statistics.fmean(of):.1f}**" for of in values.values())])
            apart = [[b - a for a, b in zip(first, of, strict=True)] for of in values.values()]
            rows.append([f"{domain}, less float32: mean (lowest - highest)", "", *map(_differences, apart[1:])])
    return _table(["AP50, %", *RUNS], rows)


def machine(device: str) -> str:
    """What the figures were measured on."""
    gpu = ""
    if device == "cuda":
        version = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
        gpu = f"{torch.cuda.get_device_name()}, driver {_driver()}, CUDA {torch.version.cuda}, cuDNN {version}. "
    return gpu + report.machine(PACKAGES)


def _driver() -> str:
    """Version of NVIDIA's driver, as its own tool tells it."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "unknown"
    asked = [tool, "--query-gpu=driver_version", "--format=csv,noheader"]
    told = subprocess.run(asked, capture_output=True, text=True).stdout.split()
    return told[0] if told else "unknown"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, rule, *rows))


def _rates(values: Sequence[float]) -> str:
    spread = f" ({min(values):.1f} - {max(values):.1f})" if len(values) > 1 else ""
    return f"**{statistics.median(values):.1f}**{spread}"


def _number(value: float | None, form: str = "{:.1f}") -> str:
    return "-" if value is None else form.format(value)


def _differences(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):+.1f} ({min(values):+.1f} - {max(values):+.1f})"
