"""Epoch at which a variant leaves early learning (3.3): by ADELE, the validation loss, a quarter of all, or never."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sissi.config import Experiment
from sissi.config.variants import Variant
from sissi.method.deceleration import StartPoint, adele_start
from sissi.method.trunk import Trunk


def quarter(experiment: Experiment) -> int:
    """A quarter of all epochs, at least one."""
    return max(1, experiment.training.epochs // 4)


def start_point(variant: Variant, trunk: Trunk, experiment: Experiment) -> StartPoint:
    """Epoch at which a variant leaves the trunk, by the `start` of its row in table 1."""
    if variant.labels != "weak":
        trained_on = f"{variant.title} is trained on the {variant.labels} labels from the first epoch on"
        return (
            StartPoint(quarter(experiment), f"{trained_on}, for a quarter of all")
            if variant.corrects
            else StartPoint(0, trained_on)
        )
    if variant.start == "adele":
        return _adele(trunk, experiment)
    if variant.start == "validation_loss":
        return validation_loss_start(trunk.validation_loss, experiment.early_learning.min_epoch)
    if variant.start == "quarter":
        epoch = min(quarter(experiment), len(trunk.checkpoints))
        return StartPoint(epoch, f"{variant.title}: a quarter of all epochs")
    return StartPoint(len(trunk.checkpoints), f"{variant.title}: no correction, the initial labels are used to the end")


def _adele(trunk: Trunk, experiment: Experiment) -> StartPoint:
    """Start by ADELE: of the mean curve, or after the last of the classes' own starts."""
    mean = adele_start(trunk.ap50, experiment.deceleration)
    if experiment.deceleration.classes == "mean" or experiment.deceleration.start_epoch is not None:
        return mean
    curves = zip(*trunk.class_ap50, strict=True)
    last = max((adele_start(curve, experiment.deceleration) for curve in curves), key=lambda start: start.epoch)
    return replace(last, reason=f"{last.reason}, for the last of the classes", fits=mean.fits)


def validation_loss_start(losses: Sequence[float], min_epoch: int) -> StartPoint:
    """Epoch with the lowest source validation loss from `min_epoch` on (Baseline and SISSI rows of table 1)."""
    best = min(range(min_epoch, len(losses) + 1), key=lambda epoch: losses[epoch - 1])
    return StartPoint(best, f"lowest source validation loss: {losses[best - 1]:.4f}")
