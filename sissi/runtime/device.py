"""Hardware of a stage: its device, the processor model and the memory used.

torch is imported where it is asked, so that the process that only reports does not load it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
"""File with Linux's account of this process."""


def device_of(setting: str) -> str:
    """torch's name of the device that a setting (auto, cpu or cuda) selects on this machine."""
    if setting == "auto":
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"
    return setting


def machine_of(device: str) -> str:
    """Processor model of a device; results may differ between models in the last bits."""
    import torch

    return torch.cuda.get_device_name() if device == "cuda" else f"cpu {torch.backends.cpu.get_cpu_capability()}"


def machine_of_setting(setting: str, recorder: object) -> str:
    """Processor model of the device that a setting selects, as a job, which records nothing."""
    return machine_of(device_of(setting))


def peak_memory() -> float:
    """Peak memory of this process so far, in MB.

    On systems other than Linux and Windows, the value may include the memory of the parent process.
    """
    if STATUS.exists():
        [line] = [line for line in STATUS.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 2**10
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 2**20
    else:
        import resource  # only POSIX has it

        in_units = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return in_units / (2**20 if sys.platform == "darwin" else 2**10)  # bytes on macOS, KB elsewhere


def cores() -> int:
    """Processor cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
