"""What the process of an ablation does that reports: it imports no torch, and takes in the events of its jobs.

python -m benchmarks.reporting 2000 FOLDER     prints its peak memory in MB
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import sissi.ablation.run  # noqa: F401  # all that the process imports, tracking included
from benchmarks.peak import peak_memory
from sissi.ablation.cache_keys import data_digests
from sissi.boxes import Boxes, make_boxes
from sissi.config import Experiment
from sissi.config.load import load_experiment
from sissi.data.experiment_data import ExperimentData
from sissi.data.sample import Sample
from sissi.runtime.cache import Cache
from sissi.runtime.engines.local import LocalEngine
from sissi.runtime.jobs import Job
from sissi.runtime.journal import Journal
from sissi.runtime.recorder import JournaledRecorder, Recorder
from sissi.tracking import open_session

VARIANTS, CYCLES, CELLS = 6, 20, 20
HEIGHT, WIDTH = 480, 640


def report(images: int, folder: Path) -> None:
    """Record the cycles of all variants as an ablation does, without their training.

    Args:
        images: number of target images.
        folder: for the recording and for what the jobs keep; it does not exist yet.

    Raises:
        RuntimeError: a job failed.
    """
    settings = [f"tracking.folder={folder}", "tracking.overlays=0"]
    experiment, data = load_experiment(Path("experiments/demo.yaml"), settings), _data(images, folder)
    data_digests(data)
    with open_session(folder, "driver", offline=True, fresh=False, notify=print) as session:
        parent = session.run("driver", "ablation")
        runs = {f"variant {number}": session.run("driver", f"{number}", parent=parent) for number in range(VARIANTS)}
        jobs = [Job(name, cycles, (experiment, data, folder / name)) for name in runs]
        outcomes = LocalEngine("cpu").run(jobs, 1, lambda name, event: runs[name].record(event))
        for one in (*runs.values(), parent):
            one.end("FINISHED")
    for outcome in outcomes.values():
        if outcome.error is not None:
            raise RuntimeError(outcome.error)


def cycles(experiment: Experiment, data: ExperimentData, folder: Path, recorder: Recorder) -> None:
    """Body of a job: the labels of each cycle, which are others each time."""
    from sissi.ablation.epoch_log import log_labels  # a job imports torch

    journaled, random = JournaledRecorder(Journal(folder), recorder), np.random.default_rng(0)
    for cycle in range(1, CYCLES + 1):
        log_labels(experiment, data, _labels(random, len(data.target_train)), cycle, journaled)


def _data(images: int, folder: Path) -> ExperimentData:
    """Images by the names of one file, which nothing decodes."""
    folder.mkdir(parents=True)
    file = folder / "image.jpg"
    file.write_bytes(b"an image")
    truth = _labels(np.random.default_rng(1), images)
    target = [Sample(f"{number:05d}.jpg", file, HEIGHT, WIDTH, boxes) for number, boxes in enumerate(truth)]
    return ExperimentData(target, truth, (), {}, target[:1], target[:1], cache=Cache(folder / "cache"))


def _labels(random: np.random.Generator, images: int) -> list[Boxes]:
    low = random.random((images, CELLS, 2)) * [WIDTH - 40, HEIGHT - 40]
    return [make_boxes(rows) for rows in np.concatenate([low, low + 30], axis=2)]


if __name__ == "__main__":
    report(int(sys.argv[1]), Path(sys.argv[2]))
    print(peak_memory())
