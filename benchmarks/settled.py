"""Label correction of some cycles where settled images are looked at by few views, against all views of all images.

With `pseudo_labels.settled` labels differ, so their quality stands in a row beside the time.
"""

from __future__ import annotations

import copy
import statistics
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from benchmarks.row import Row, of_pairs, seconds
from benchmarks.subjects import Demo, Forgetful, demo, one_thread
from sissi.boxes import EMPTY, Boxes
from sissi.config import PseudoLabels
from sissi.data.experiment_data import load_data
from sissi.data.problems import Problems
from sissi.evaluation.label_quality import label_quality
from sissi.method import self_training
from sissi.method.self_training import SelfTrainingSetup, self_train

IMAGES, START, CYCLES = 16, 4, 8
SETTLED = 0.7
SEEDS = (0, 1, 2)
"""Of batches and augmentation; each cycle learns from the labels before it, so that small differences grow."""


def measure() -> list[Row]:
    """Cycles of the demo's A + SISSI (S) with the paper's 20 views, on one thread."""
    one_thread()
    ready = demo()
    reference = _reference(ready)
    times, losses = [], []
    for seed in SEEDS:
        few, labels = correct(ready, SETTLED, seed)
        every, whole = correct(ready, None, seed)
        times.append((few, every))
        losses.append(100 * (label_quality(whole, reference).f1 - label_quality(labels, reference).f1))
    with_views = f"{IMAGES} images of the demo, 20 views, pseudo_labels.settled={SETTLED}"
    return [
        of_pairs(
            times,
            what=f"label correction of {CYCLES} cycles, {with_views}",
            against="all views of every image in every cycle",
            goal=0.5,
            limited_by="the first cycle, and images in which few views find other cells than the last cycle",
        ),
        Row(
            what="F1 of the labels after these cycles, by which it is lower",
            against="with all views",
            values=tuple(losses),
            goal=1,
            ours=statistics.median(few for few, _ in times),
            theirs=statistics.median(every for _, every in times),
            limited_by="one scale in place of five",
            unit="points",
        ),
    ]


def correct(ready: Demo, settled: float | None, seed: int) -> tuple[float, list[Boxes]]:
    """Seconds that label correction took in all cycles, and the labels of the last one."""
    settings = ready.experiment.pseudo_labels.model_dump() | {"settled": settled}
    for name in ("scales", "flips"):
        settings[name] = getattr(PseudoLabels(), name)
    training = ready.experiment.training.model_copy(update={"epochs": START + CYCLES})
    changed = {"pseudo_labels": PseudoLabels(**settings), "training": training}
    experiment = ready.experiment.model_copy(update=changed)
    target = ready.target.take(range(IMAGES))
    setup = SelfTrainingSetup(target, ready.source, experiment.synthetic_images.strong, experiment, seed)
    before = copy.deepcopy(ready.learner.state())
    took, look = [], self_training.predict_pseudo_labels

    def timed(*arguments: Any) -> list[Boxes]:
        found: list[list[Boxes]] = []
        took.append(seconds(lambda: found.append(look(*arguments))))
        return found[0]

    with patch.object(self_training, "predict_pseudo_labels", timed):
        cycles = list(self_train(ready.learner, setup, START, target.boxes, None, Forgetful()))
    ready.learner.restore(before)
    return sum(took), cycles[-1].labels


def _reference(ready: Demo) -> list[Boxes]:
    """True boxes of the target images, in px of the resized image."""
    data = load_data(ready.experiment, Problems())
    samples = [
        replace(sample, boxes=boxes or EMPTY)
        for sample, boxes in zip(data.target_train, data.reference or (), strict=True)
    ]
    return list(
        replace(data, target_train=samples).resized("target_train", ready.experiment.training.image_size).boxes[:IMAGES]
    )
