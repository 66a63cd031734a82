"""Whether bf16 finds cells as well as float32, on a CPU: the demo's detector trained at both precisions.

    python -m benchmarks.precision           eight seeds: a quarter of an hour on two cores

Writes benchmarks/precision.md. The convolutions of backbone and pyramid take bfloat16 on either, so this tells what
becomes of the scores where there is no GPU for `benchmarks.gpu`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import report
from benchmarks.gpu.accuracy import Score, trained
from benchmarks.gpu.subject import Subject, draw
from benchmarks.gpu.table import accuracy_table
from benchmarks.jobs import finished
from benchmarks.subjects import DEMO
from sissi.config import Experiment
from sissi.config.load import load_experiment
from sissi.runtime.jobs import Job

IMAGES = 48
"""That are drawn of each domain to train on, and as many to be held out."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, train, write; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description="bf16 and float32 on a CPU.")
    parser.add_argument("--seeds", type=int, default=8, help="each is trained in float32 twice and in bf16 once")
    parser.add_argument("--iterations", type=int, default=720, help="of each training that is compared")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder of precision.md")
    options = parser.parse_args(arguments)
    experiment = load_experiment(DEMO, [])
    with TemporaryDirectory() as folder:
        images = draw(experiment.training.image_size, IMAGES, IMAGES, Path(folder))
        jobs = [
            Job(f"seed {seed}", scores_of, (experiment, images, seed, options.iterations))
            for seed in range(options.seeds)
        ]
        scores = [score for of_seed in finished(jobs, os.cpu_count() or 1) for score in of_seed]
    text = markdown(experiment, scores, options.iterations)
    (options.out / "precision.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


def scores_of(experiment: Experiment, images: Subject, seed: int, iterations: int, record: Any) -> list[Score]:
    """The job: every training of a seed."""
    return [score for score, _ in trained(experiment, images, seed, iterations, "cpu")]


def markdown(experiment: Experiment, scores: Sequence[Score], iterations: int) -> str:
    """What was trained, the table, and the machine."""
    height, width = experiment.training.image_size
    told = (
        f"The demo's detector on drawn images of {width} x {height} px with exact labels, {IMAGES} of each domain to "
        f"train on and {IMAGES} held out; AP50 after at least {iterations} iterations from random weights. "
        '"float32 again" begins with weights that differ in their last bit.'
    )
    return f"{told}\n\n{accuracy_table(scores)}\n{report.machine()}\n"


if __name__ == "__main__":
    sys.exit(main())
