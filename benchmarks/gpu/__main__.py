"""The paper's preset on a GPU, in float32 and in bf16: `python -m benchmarks.gpu`, or `make bench-gpu`.

Measures training, label correction with the paper's 20 views and plain evaluation, on drawn images; then trains both
precisions from the same weights on the same batches and compares what they find. Writes benchmarks/gpu.json and
benchmarks/gpu.md, anew after every step, so that what an interruption leaves is complete as far as it goes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.gpu import speed
from benchmarks.gpu.accuracy import RUNS, Score, trained, with_precision
from benchmarks.gpu.subject import FULL, QUICK, draw, paper_experiment
from benchmarks.gpu.table import Speed, write
from sissi.config import Experiment


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, measure, write; the exit code."""
    options = _options(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("benchmarks.gpu: torch sees no GPU here, so there is nothing to measure", file=sys.stderr)
        return 2
    length, seeds, iterations = (QUICK, 1, 2) if options.quick else (FULL, options.seeds, options.iterations)
    experiment = paper_experiment(options.weights, [f"training.workers={options.workers}"], small=options.quick)
    subject, speeds, scores = _described(experiment, iterations), dict[str, Speed](), list[Score]()
    with TemporaryDirectory() as folder:
        images = draw(experiment.training.image_size, length.images, length.held_out, Path(folder))
        for seed in range(seeds):
            for score, detector in trained(experiment, images, seed, iterations, options.device):
                scores.append(score)
                print(f"seed {seed}, {score.run}: AP50 {score.ap50}", flush=True)
                precision = RUNS[score.run].precision
                if precision not in speeds:  # with a detector that finds cells
                    at = with_precision(experiment, precision)
                    speeds[precision] = Speed(
                        speed.training(at, images, length, options.device),
                        speed.correction(at, detector, images, length, options.device),
                        speed.evaluation(at, detector, images, length, options.device),
                    )
                    print(f"{precision}: {speeds[precision]}", flush=True)
                write(subject, speeds, scores, options.device, options.out)
    print((options.out / "gpu.md").read_text(encoding="utf-8"))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description="The paper's preset on a GPU.")
    parser.add_argument("--iterations", type=int, default=300, help="of each training that is compared")
    parser.add_argument("--seeds", type=int, default=3, help="each is trained in float32 twice and in bf16 once")
    parser.add_argument("--weights", default="none", help="detector.weights to start from: none, coco or a file")
    parser.add_argument("--workers", type=int, default=2, help="training.workers")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1], help="folder of gpu.json and gpu.md")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _described(experiment: Experiment, iterations: int) -> str:
    settings, looks = experiment.training, experiment.pseudo_labels
    height, width = settings.image_size
    return (
        f"Preset {experiment.detector.preset}, drawn images of {width} x {height} px, batches of "
        f"{settings.target_batch} target and {settings.source_batch} source images, {settings.workers} threads that "
        f"read ahead, {len(looks.scales) * len(looks.flips)} views in label correction. AP50 after at least "
        f"{iterations} iterations from weights: {experiment.detector.weights}."
    )


if __name__ == "__main__":
    sys.exit(main())
