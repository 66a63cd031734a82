"""One epoch of training, and the loss of a data set: where weights change, and where they are only judged."""

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
"""Mean over batches of torchvision's four losses, by its names, and of their sum `loss`."""


LOOK_EVERY = 10
"""Iterations after which the host looks at the losses: on a GPU it has to wait for them."""


class NonFiniteLoss(SissiError):
    """The loss of an iteration is no number.

    Attributes:
        batch: what it was trained on.
    """

    def __init__(self, epoch: int, iteration: int, batch: Batch) -> None:
        super().__init__(
            f"the loss of iteration {iteration + 1} in epoch {epoch} is not finite; lower training.learning_rate or "
            "set training.clip_gradient"
        )
        self.batch = batch


def learning_rate(step: int, steps_per_epoch: int, settings: Training) -> float:
    """The learning rate at an iteration, counted from 0 over all epochs.

    A function of the position alone: every variant has the same one at the same epoch, wherever it branched.
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
    """Train on the mixed batches of an epoch: the same call in both phases and for every variant.

    Args:
        learner: changed in place, on any device.
        batches: of both domains, with the training settings.
        seed: of the experiment.
        epoch: from 1 on; with `seed` it decides order, augmentation, and which proposals are sampled.
        progress: called after each iteration with the fraction of the epoch that is done and, every `LOOK_EVERY`
            iterations and at the end, the mean loss so far.

    Raises:
        NonFiniteLoss: the loss of an iteration is no number; noticed when the losses are next looked at.
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
            looks = (index + 1) % LOOK_EVERY == 0
            progress((index + 1) / steps, record.means()["loss"] if looks or index + 1 == steps else None)
    except (ValueError, AssertionError):  # torchvision may stumble over bad weights before we look
        bad = record.first_not_finite()
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
    """One iteration."""
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
    """The losses of an epoch, kept on the device until somebody asks: until then the host never waits for it."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._values: list[Tensor] = []

    def add(self, losses: dict[str, Tensor]) -> Tensor:
        """Note the losses of an iteration; their sum."""
        parts = torch.stack(list(losses.values()))
        loss = parts.sum()
        self._names = [*(name.removeprefix("loss_") for name in losses), "loss"]
        self._values.append(torch.cat([parts, loss[None]]).detach())
        return loss

    def first_not_finite(self) -> int | None:
        """The first iteration, from 0 on, whose loss is no number."""
        if not self._values:
            return None
        bad = (~torch.stack(self._values)[:, -1].isfinite()).nonzero()
        return int(bad[0, 0]) if len(bad) else None

    def means(self) -> Losses:
        """Means over the iterations so far.

        Raises:
            ValueError: a loss is not finite.
        """
        if self.first_not_finite() is not None:
            raise ValueError("a loss is not finite")
        values = torch.stack(self._values).cpu().double()
        return dict(zip(self._names, values.mean(dim=0).tolist(), strict=True))


@torch.inference_mode()
def mean_losses(detector: CellDetector, dataset: ResizedDataset, batch_size: int, workers: int = 0) -> Losses:
    """The mean losses over the images of a data set, in a pass that leaves the detector as it was.

    torchvision computes losses in training mode only, so the network is switched there, with BatchNorm held at its
    running statistics and the sampling of proposals fixed: the same weights give the same loss.
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
    """Unchanged images in order."""
    boxes = iter(dataset.boxes)
    for images in dataset.batches(batch_size, workers):
        tensors = [torch.from_numpy(image).permute(2, 0, 1) for image in images]
        yield Batch(tensors, [as_target(next(boxes)) for _ in images])


def _on_device(batch: Batch, device: torch.device) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    images = [image.to(device, non_blocking=True).float().div(255) for image in batch.images]
    targets = [{name: tensor.to(device, non_blocking=True) for name, tensor in one.items()} for one in batch.targets]
    return images, targets
