"""Where a variant leaves early learning (3.3): its rule, by its row of table 1."""

from __future__ import annotations

from collections.abc import Sequence

from sissi.config import Experiment
from sissi.config.variants import Variant
from sissi.method.deceleration import StartPoint, adele_start
from sissi.method.early_learning import Trunk


def start_point(variant: Variant, trunk: Trunk, experiment: Experiment) -> StartPoint:
    """Where a variant leaves the trunk: the `start` of its row of table 1."""
    if variant.labels == "reference":
        return StartPoint(0, f"{variant.title} trains on the reference labels from the first epoch on")
    if variant.start == "adele":
        return adele_start(trunk.ap50, experiment.deceleration)
    if variant.start == "validation_loss":
        return validation_loss_start(trunk.validation_loss, experiment.early_learning.min_epoch)
    return StartPoint(len(trunk.checkpoints), f"{variant.title} leaves here: the initial labels are kept to the end")


def validation_loss_start(losses: Sequence[float], min_epoch: int) -> StartPoint:
    """The epoch with the lowest source validation loss from `min_epoch` on (Baseline and SISSI rows of table 1)."""
    best = min(range(min_epoch, len(losses) + 1), key=lambda epoch: losses[epoch - 1])
    return StartPoint(best, f"lowest source validation loss: {losses[best - 1]:.4f}")
