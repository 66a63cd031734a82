"""A training epoch against a plain loop like the one of torchvision's references for detection, on the same batches.

The loop is written from the description of that one: a step of the optimizer a batch, a linear warm-up over the first
epoch, a check of each loss, and running values of losses, rate and times, of which a line is told every ten batches.
"""

from __future__ import annotations

import copy
import io
import math
import statistics
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence

import torch

from benchmarks.epoch import InMemory
from benchmarks.row import Row, compare
from benchmarks.subjects import demo, one_thread, silent
from sissi.detector.model import CellDetector
from sissi.training.epoch import train_epoch
from sissi.training.mixed_batches import Batch, MixedBatches
from sissi.training.teacher_student import make_teacher_student

INTERVAL, WINDOW = 10, 20
"""Batches between two lines, and those of a running median."""


def measure() -> list[Row]:
    """The demo's detector on one thread; sissi reads and augments, the loop has its batches in memory.

    Without clipping of gradients and averaging of weights, which that loop has not.
    """
    one_thread()
    ready = demo()
    training = ready.experiment.training.model_copy(update={"clip_gradient": None, "averaging": None})
    learner = make_teacher_student(ready.learner.student, training)
    batches = MixedBatches(ready.target, ready.source, training)
    kept = InMemory(ready.target, ready.source, training).keep(0, 1).kept
    state, of_demo = copy.deepcopy(learner.state()), copy.deepcopy(ready.learner.state())

    def fresh(work: Callable[[], object]) -> None:
        learner.restore(copy.deepcopy(state))
        work()

    row = compare(
        lambda: fresh(lambda: train_epoch(learner, batches, 0, 1, silent)),
        lambda: fresh(lambda: plain_epoch(learner.student, learner.optimizer, kept)),
        repeats=7,
        what=f"a training epoch of the demo, {len(kept)} iterations, from files",
        against="a loop as in torchvision's references, the same batches in memory",
        goal=1.05,
        limited_by="reading and augmenting, which share Python's lock with the training",
    )
    ready.learner.restore(of_demo)
    return [row]


def plain_epoch(detector: CellDetector, optimizer: torch.optim.Optimizer, batches: Sequence[Batch]) -> str:
    """Train the first epoch.

    Returns:
        The lines that were told.

    Raises:
        RuntimeError: a loss is not finite.
    """
    network, device, told = detector.network.train(), detector.device, io.StringIO()
    warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / 1000, total_iters=max(1, min(1000, len(batches) - 1)))
    values: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=WINDOW))
    begun = time.perf_counter()
    for index, batch in enumerate(batches):
        read = time.perf_counter()
        images = [image.to(device).float().div(255) for image in batch.images]
        targets = [{name: tensor.to(device) for name, tensor in target.items()} for target in batch.targets]
        losses = network(images, targets)
        loss = torch.stack(list(losses.values())).sum()
        if not math.isfinite(loss.item()):
            raise RuntimeError(f"the loss of batch {index + 1} is {loss.item()}")
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        warm_up.step()
        rate = optimizer.param_groups[0]["lr"]
        numbers = {name: value.item() for name, value in {"loss": loss.detach(), **losses}.items()}
        for name, value in {**numbers, "rate": rate, "s": time.perf_counter() - read}.items():
            values[name].append(value)
        if index % INTERVAL == 0 or index + 1 == len(batches):
            left = (time.perf_counter() - begun) / (index + 1) * (len(batches) - index - 1)
            shown = (f"{name} {statistics.median(kept):.4f} ({kept[-1]:.4f})" for name, kept in values.items())
            print(f"{index}/{len(batches)}, {left:.0f} s left:", *shown, file=told)
    return told.getvalue()
