"""One epoch of training, and the loss of a data set without training."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from sissi.config import Training
from sissi.data.resized import ResizedDataset
from sissi.detector.model import CellDetector
from sissi.errors import SissiError
from sissi.runtime.randomness import seed_torch
from sissi.runtime.recorder import OnProgress
from sissi.training.mixed_batches import Batch, MixedBatches, as_target
from sissi.training.teacher_student import TeacherStudent

Losses = dict[str, float]
"""Means over batches of torchvision's four losses, by their names, and of their sum `loss`."""


LOSS_INTERVAL = 10
"""Number of iterations between two readings of the losses; each reading waits for the GPU."""


class NonFiniteLoss(SissiError):
    """Loss of an iteration that is NaN or infinite.

    Attributes:
        batch: batch of that iteration.
    """

    def __init__(self, epoch: int, iteration: int, batch: Batch) -> None:
        super().__init__(
            f"the loss of iteration {iteration + 1} in epoch {epoch} is NaN or infinite; lower training.learning_rate "
            "or set training.clip_gradient"
        )
        self.batch = batch


def learning_rate(step: int, steps_per_epoch: int, settings: Training) -> float:
    """Learning rate at an iteration, counted from 0 over all epochs.

    It depends only on the iteration, so all variants have the same learning rate in the same epoch, as long as
    `self_training.learning_rate` is 1.
    """
    rate = settings.learning_rate * min(1.0, (step + 1) / (settings.warmup_steps + 1))
    if settings.schedule == "cosine":
        rate *= (1 + math.cos(math.pi * step / (steps_per_epoch * settings.epochs))) / 2
    return rate


def train_epoch(
    learner: TeacherStudent,
    batches: MixedBatches,
    seed: int,
    epoch: int,
    progress: OnProgress,
) -> Losses:
    """Train on the mixed batches of an epoch; both phases and all variants use this function.

    Args:
        learner: teacher and student, on any device; changed in place.
        batches: mixed batches, with the settings of the training.
        seed: experiment seed.
        epoch: number of the epoch, from 1 on; seed and epoch determine order, augmentation and sampling of proposals.
        progress: function that is called after each iteration with the finished fraction of the epoch and, every
            `LOSS_INTERVAL` iterations and at the end, with the mean loss so far.

    Returns:
        Mean losses of the epoch.

    Raises:
        NonFiniteLoss: the loss of an iteration is NaN or infinite; detected at the next reading of the losses.
    """
    settings = batches.settings
    steps = batches.iterations
    device = learner.student.device
    seed_torch(seed, "proposals", epoch)
    learner.student.network.train()
    record = _LossRecord()
    try:
        for index, batch in enumerate(batches.epoch(seed, epoch, settings.workers, pinned=device.type == "cuda")):
            step = (epoch - 1) * steps + index
            _step(learner, *_on_device(batch, device), step, learning_rate(step, steps, settings), settings, record)
            reads = (index + 1) % LOSS_INTERVAL == 0 or index + 1 == steps
            progress((index + 1) / steps, record.means()["loss"] if reads else None)
    except (ValueError, AssertionError):  # torchvision may fail on NaN weights before the losses are read
        bad = record.first_nonfinite()
        if bad is None:
            raise
        raise NonFiniteLoss(epoch, bad, batches.batch(seed, epoch, bad)) from None
    return record.means()


def _step(
    learner: TeacherStudent,
    images: list[Tensor],
    targets: list[dict[str, Tensor]],
    step: int,
    rate: float,
    settings: Training,
    record: _LossRecord,
) -> None:
    """Train one iteration at a learning rate, and record its losses."""
    network = learner.student.network
    for group in learner.optimizer.param_groups:
        group["lr"] = rate
    loss = record.add(network(images, targets))
    learner.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if settings.clip_gradient is not None:
        nn.utils.clip_grad_norm_(network.parameters(), settings.clip_gradient)
    learner.optimizer.step()
    if settings.averaging is not None:
        learner.update_teacher(step, settings.averaging)


class _LossRecord:
    """Losses of an epoch, stored on the device until they are read, so that the CPU does not wait for the GPU."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._values: list[Tensor] = []

    def add(self, losses: dict[str, Tensor]) -> Tensor:
        """Record the losses of an iteration, and return their sum."""
        parts = torch.stack(list(losses.values()))
        loss = parts.sum()
        self._names = [*(name.removeprefix("loss_") for name in losses), "loss"]
        self._values.append(torch.cat([parts, loss[None]]).detach())
        return loss

    def first_nonfinite(self) -> int | None:
        """First iteration, from 0 on, whose loss is NaN or infinite; None if there is none."""
        if not self._values:
            return None
        bad = (~torch.stack(self._values)[:, -1].isfinite()).nonzero()
        return int(bad[0, 0]) if len(bad) else None

    def means(self) -> Losses:
        """Means over the iterations so far.

        Raises:
            ValueError: a loss is NaN or infinite.
        """
        if self.first_nonfinite() is not None:
            raise ValueError("a loss is NaN or infinite")
        values = torch.stack(self._values).cpu().double()
        return dict(zip(self._names, values.mean(dim=0).tolist(), strict=True))


@torch.inference_mode()
def mean_losses(detector: CellDetector, dataset: ResizedDataset, batch_size: int, workers: int = 0) -> Losses:
    """Mean losses over the images of a data set; the detector does not change.

    torchvision computes losses only in training mode. So the network is in training mode, but BatchNorm uses its
    running statistics, and the sampling of proposals has a fixed seed: equal weights give equal losses.
    """
    network = detector.network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    seed_torch("validation")
    total: dict[str, Tensor] = {}
    for batch in _plain_batches(dataset, batch_size, workers):
        weight = len(batch.images) / len(dataset)
        for name, value in network(*_on_device(batch, detector.device)).items():
            total[name] = total.get(name, 0) + weight * value.double()
    network.eval()
    means = {name.removeprefix("loss_"): value.item() for name, value in total.items()}
    return means | {"loss": sum(means.values())}


def _plain_batches(dataset: ResizedDataset, batch_size: int, workers: int) -> Iterator[Batch]:
    """Images in order, without augmentation."""
    boxes = map(dataset.training_boxes, range(len(dataset)))
    for images in dataset.batches(batch_size, workers):
        tensors = [torch.from_numpy(image).permute(2, 0, 1) for image in images]
        yield Batch(tensors, [as_target(next(boxes)) for _ in images])


def _on_device(batch: Batch, device: torch.device) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    images = [image.to(device, non_blocking=True).float().div(255) for image in batch.images]
    targets = [
        {name: tensor.to(device, non_blocking=True) for name, tensor in target.items()} for target in batch.targets
    ]
    return images, targets
