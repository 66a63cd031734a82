"""Result of early learning (3.2, 3.3), which all variants share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Trunk:
    """Result of early learning.

    Attributes:
        checkpoints: checkpoint file of each epoch, from epoch 1 on.
        ap50: AP50 of each epoch on the target training images against their initial labels, in [0, 1]; of several
            classes their mean.
        class_ap50: the AP50 of each epoch for each class that the initial labels have.
        validation_loss: loss of each epoch on the source validation images.
        wall: wall time, in seconds.
    """

    checkpoints: tuple[Path, ...]
    ap50: tuple[float, ...]
    validation_loss: tuple[float, ...]
    wall: float
    class_ap50: tuple[tuple[float, ...], ...] = ()
