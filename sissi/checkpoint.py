"""The state of training after an epoch, in a file: what a branch needs to go on exactly as the trunk would."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sissi.detector import CellDetector
from sissi.errors import SissiError


@dataclass(frozen=True)
class Checkpoint:
    """Weights and optimizer after an epoch. Random states need no place in it: see `randomness`.

    Attributes:
        epoch: the last one that was trained, from 1 on.
        network: state dict of the network.
        optimizer: state dict of the optimizer.
    """

    epoch: int
    network: dict[str, Tensor]
    optimizer: dict[str, Any]

    @classmethod
    def of(cls, detector: CellDetector, optimizer: torch.optim.Optimizer, epoch: int) -> Checkpoint:
        """The state now; its tensors are shared until it is written."""
        return cls(epoch, detector.network.state_dict(), optimizer.state_dict())

    def write(self, path: Path) -> None:
        """Write all of it or, if interrupted, nothing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        torch.save({"epoch": self.epoch, "network": self.network, "optimizer": self.optimizer}, unfinished)
        unfinished.replace(path)

    @classmethod
    def read(cls, path: Path, device: str) -> Checkpoint:
        """Read a file that `write` wrote; nothing in it is executed."""
        try:
            content = torch.load(path, map_location=device, weights_only=True)
            return cls(content["epoch"], content["network"], content["optimizer"])
        except FileNotFoundError:
            raise SissiError(f"{path}: this checkpoint is missing; run the ablation again") from None

    def restore(self, detector: CellDetector, optimizer: torch.optim.Optimizer) -> None:
        """Put detector and optimizer in this state."""
        detector.network.load_state_dict(self.network)
        optimizer.load_state_dict(self.optimizer)
