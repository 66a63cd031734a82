"""What the GPU and its host do during a piece of work: when the one works, how often the other waits for it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch.profiler import ProfilerActivity, profile

import sissi

ON_GPU = ("kernel", "gpu_memcpy", "gpu_memset")
"""Categories of a trace that are work of the GPU; the rest of it is about the host."""
WAITED = "called a synchronizing CUDA operation"


@dataclass(frozen=True)
class Waits:
    """How often the host waited for the GPU: called from sissi's own code, and from inside torch and torchvision."""

    sissi: int
    torch: int


def busy(work: Callable[[], object], device: str) -> float | None:
    """Seconds of a call in which the GPU did anything at all; None where the profiler saw no GPU.

    The profiler records what runs on the GPU and nothing else. It slows the host nevertheless, so the wall time to
    compare with is that of a call without it; kernels last as long with it as without.
    """
    activity = ProfilerActivity.CUDA if device == "cuda" else ProfilerActivity.CPU
    with profile(activities=[activity]) as profiler:
        work()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    spans = [(event["ts"], event["ts"] + event["dur"]) for event in events if event.get("cat") in ON_GPU]
    return covered(spans) / 1e6 if spans else None


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """The length of the union of spans from a begin to an end."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def waits(work: Callable[[], object], device: str) -> Waits | None:
    """How often the host waited during a call, as far as torch notices; None where there is no GPU."""
    if device != "cuda":
        return None
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            work()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return counted(caught)


def counted(caught: Iterable[warnings.WarningMessage]) -> Waits:
    """The waits among warnings, by the file that each came from."""
    package = Path(sissi.__file__).parent
    ours = [package in Path(one.filename).parents for one in caught if WAITED in str(one.message)]
    return Waits(sum(ours), len(ours) - sum(ours))
