"""Hardware of a stage: its device, the processor model and the memory used."""

from __future__ import annotations

import resource
from pathlib import Path

import torch


def device_of(setting: str) -> str:
    """torch's name of the device that a setting (auto, cpu or cuda) selects on this machine."""
    if setting == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return setting


def machine_of(device: str) -> str:
    """Processor model of a device; results may differ between models in the last bits."""
    return torch.cuda.get_device_name() if device == "cuda" else f"cpu {torch.backends.cpu.get_cpu_capability()}"


def peak_memory() -> float:
    """Peak memory of this process so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # elsewhere the value may include the parent's memory
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
