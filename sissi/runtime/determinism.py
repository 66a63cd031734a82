"""The same bits in every run on one machine: what torch must be told in each process that computes.

Randomness needs no mention here (see `randomness`): this is about operations whose parallel sums come out in another
order each time, which on a GPU is the rule.
"""

from __future__ import annotations

import os
import re

import torch

MISSING = re.compile(r"(\S+) does not have a deterministic implementation")


def demand_determinism() -> None:
    """Have this process use operations with one possible result only; to be called before it touches a GPU.

    An operation that has no such form raises from now on: see `missing_operation`.
    """
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # cuBLAS reads it when it is first used
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False  # else it picks the kernels that are fastest at the moment


def missing_operation(error: BaseException) -> str | None:
    """The operation that torch refused because it has no deterministic form, if that is what a fault says."""
    found = MISSING.match(str(error)) if isinstance(error, RuntimeError) else None
    return found[1] if found else None
