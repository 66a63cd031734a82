"""Bitwise equal results in every run on one machine: the settings of torch in each process that computes.

Random numbers are not the subject here (see `randomness`). The subject is operations whose parallel sums are taken in
another order each time, as is usual on a GPU.
"""

from __future__ import annotations

import os
import re

import torch

MISSING = re.compile(r"(\S+) does not have a deterministic implementation")


def demand_determinism() -> None:
    """Restrict this process to deterministic operations; to be called before it uses a GPU.

    An operation without a deterministic form then raises: see `missing_operation`.
    """
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # cuBLAS reads it at its first use
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False  # otherwise it selects the kernels that are fastest at the moment


def missing_operation(error: BaseException) -> str | None:
    """Name of the operation that torch refused because it has no deterministic form; None for any other error."""
    match = MISSING.match(str(error)) if isinstance(error, RuntimeError) else None
    return match[1] if match else None
