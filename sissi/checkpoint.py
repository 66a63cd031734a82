"""The state of training after an epoch, in a file: what a branch needs to go on exactly as the trunk would.

Random states need no place in it: see `randomness`.
"""

from __future__ import annotations

from pathlib import Path

import torch

from sissi.errors import SissiError
from sissi.learner import Learner


def write(path: Path, learner: Learner, epoch: int) -> None:
    """Write the state after an epoch: all of it or, if interrupted, nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    torch.save({"epoch": epoch, "learner": learner.state()}, unfinished)
    unfinished.replace(path)


def restore(path: Path, learner: Learner) -> int:
    """Put a learner in the state of a file that `write` wrote, and give its epoch; nothing in the file is executed."""
    try:
        content = torch.load(path, map_location=learner.student.device, weights_only=True)
    except FileNotFoundError:
        raise SissiError(f"{path}: this checkpoint is missing; run the ablation again") from None
    learner.restore(content["learner"])
    epoch: int = content["epoch"]
    return epoch
