"""Random numbers that depend on what they are for, never on what was drawn before.

Each use has its own stream, named by the experiment's seed, the purpose and the epoch. So nothing needs to be saved to
go on after an interruption, and neither the number of workers nor the order of the variants changes a result.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def seed_of(*purpose: int | str) -> int:
    """A seed in [0, 2^32) for a purpose, such as (0, "augmentation", "target", 3, 17)."""
    text = "/".join(str(part) for part in purpose)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def generator(*purpose: int | str) -> np.random.Generator:
    """numpy's random numbers for a purpose."""
    return np.random.default_rng(seed_of(*purpose))


def seed_torch(*purpose: int | str) -> None:
    """Set torch's global random state, on every device, for a purpose."""
    torch.manual_seed(seed_of(*purpose))
