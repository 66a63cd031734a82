"""Engines that run jobs: processes of this machine, or Ray on one machine or several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sissi.runtime.jobs import Ended, Job, OnEvent, Outcome


class Engine(Protocol):
    """What runs jobs."""

    def side_by_side(self, setting: int) -> int:
        """Largest number of threads at a time, given the setting `runtime.jobs`."""

    def room(self, setting: int) -> int:
        """Number of jobs of one thread that run side by side at this moment, given the setting `runtime.jobs`."""

    def machine(self) -> str:
        """Processor model of the device where the jobs run.

        Raises:
            SissiError: it cannot be told, or the machines are not fit for the jobs.
        """

    def run(
        self,
        jobs: Iterable[Job | None],
        side_by_side: int,
        on_event: OnEvent,
        ended: Ended | None = None,
        *,
        deterministic: bool = False,
    ) -> dict[str, Outcome]:
        """Run all jobs in order, at most `side_by_side` threads at a time; see `sissi.runtime.engines.local.run`."""


@contextmanager
def open_engine(name: str, folder: Path, device: str, address: str, gpus_per_job: float) -> Iterator[Engine]:
    """Open an engine, and end what it started with the block.

    Args:
        name: local or ray.
        folder: tracking folder, which all machines share.
        device: setting of the device: auto, cpu or cuda.
        address: HOST:PORT of a Ray cluster, or auto to start Ray on this machine.
        gpus_per_job: GPUs of a job on Ray; a fraction lets jobs share a GPU.

    Raises:
        SissiError: Ray is not installed, cannot be started, or does not answer.
    """
    if name == "local":
        from sissi.runtime.engines.local import LocalEngine

        yield LocalEngine(device)
    else:
        from sissi.runtime.engines.ray_cluster import prepare

        prepare(address)  # before Ray is imported, with the next line
        from sissi.runtime.engines.ray import open_ray

        with open_ray(folder, device, address, gpus_per_job) as engine:
            yield engine
