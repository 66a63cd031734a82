"""Random numbers that depend on their purpose, never on earlier draws.

Each use has its own stream, which the experiment seed, the purpose and the epoch determine. So no random state is
saved for a continuation after an interruption, and neither the number of workers nor the order of the variants changes
a result.
"""

from __future__ import annotations

import hashlib

import numpy as np


def seed_of(*purpose: int | str) -> int:
    """Seed in [0, 2^32) for a purpose, such as (0, "augmentation", "target", 3, 17)."""
    text = "/".join(str(part) for part in purpose)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def generator(*purpose: int | str) -> np.random.Generator:
    """numpy's random generator for a purpose."""
    return np.random.default_rng(seed_of(*purpose))


def seed_torch(*purpose: int | str) -> None:
    """Seed torch's global random state, on every device, for a purpose."""
    import torch  # not for the drawing of images, in a process that only reports

    torch.manual_seed(seed_of(*purpose))
