"""The corrected labels of an image against bare forward passes over its versions."""

from __future__ import annotations

from itertools import groupby

import torch

from benchmarks.row import Row, compare
from benchmarks.subjects import demo, one_thread
from sissi.config import PseudoLabels
from sissi.detector.model import as_tensor, predict
from sissi.method.pseudo_labels import pseudo_labels, views

IMAGES = 6


def measure() -> list[Row]:
    """The 20 versions of the paper, fused, against forward passes in the same batches and one by one."""
    one_thread()
    ready, settings = demo(), PseudoLabels()
    detector = ready.learner.teacher
    images = [ready.target.read(index) for index in range(IMAGES)]
    versions = views(settings)
    tensors = [[as_tensor(view.apply(image), detector.device) for view in versions] for image in images]
    sizes = [len(list(group)) for _, group in groupby(versions, key=lambda view: view.scale)]

    def correct() -> None:
        for image in images:
            pseudo_labels(lambda batch: predict(detector, batch), image, settings)

    @torch.inference_mode()
    def forward(batches: list[int]) -> None:
        network = detector.network.eval()
        for of_image in tensors:
            waiting = iter(of_image)
            for size in batches:
                network([next(waiting) for _ in range(size)])

    told = f"label correction of an image: {len(versions)} versions and their fusion"
    same = "bare forward passes over the same tensors, a batch a scale"
    single = "bare forward passes over the same tensors, one by one"
    limit = "the forward passes themselves"
    return [
        compare(correct, lambda: forward(sizes), repeats=5, what=told, against=same, goal=1.1, limited_by=limit),
        compare(
            correct,
            lambda: forward([1] * len(versions)),
            repeats=5,
            what=told,
            against=single,
            goal=1.1,
            limited_by=limit,
        ),
    ]
