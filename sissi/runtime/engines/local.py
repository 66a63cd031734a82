"""Processes of this machine, one for each job.

A job that fails or is killed does not affect the others. Each job sends its events through its own pipe, so that a job
that is killed in the middle of a message cannot corrupt the messages of another. A job ends when its parent has ended.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, cast

from sissi.errors import SissiError
from sissi.runtime.events import Event
from sissi.runtime.jobs import Ended, Job, OnEvent, Outcome, perform

START_METHOD = "spawn" if sys.platform == "win32" else "forkserver"
"""How jobs are started: by a fork server, which imports large packages once for all jobs. Windows has none."""


def warm_up() -> None:
    """Start the process from which jobs are forked; it imports the packages of the jobs while the caller continues."""
    if sys.platform != "win32" and START_METHOD == "forkserver":
        from multiprocessing import forkserver, resource_tracker

        _context()
        resource_tracker.ensure_running()  # otherwise started below, where it unblocks signals
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # only the caller handles Ctrl-C: `_work`
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def run(
    jobs: Iterable[Job | None],
    side_by_side: int,
    on_event: OnEvent,
    ended: Ended | None = None,
    *,
    deterministic: bool = False,
) -> dict[str, Outcome]:
    """Run all jobs in order, at most `side_by_side` threads at a time, and at least one job.

    On a machine with several GPUs, jobs that run side by side see one each, in turn.

    On KeyboardInterrupt, or if `on_event` raises, the running jobs are ended first.

    Args:
        jobs: jobs; the next one is requested when a thread is free, and None stands for none before another has ended.
        side_by_side: number of threads at a time.
        on_event: function that receives the events of the jobs.
        ended: function that is called with the name and outcome of each job, before the next job starts.
        deterministic: whether to restrict the jobs to deterministic operations.

    Returns:
        Outcome of each job, by its name.
    """
    context = _context()
    waiting, job = iter(jobs), None
    running: dict[Connection, _Running] = {}
    outcomes: dict[str, Outcome] = {}
    try:
        while True:
            while (busy := sum(one.job.threads for one in running.values())) < side_by_side or not running:
                job = job or next(waiting, None)
                if job is None or (running and busy + job.threads > side_by_side):
                    break
                place = min(set(range(len(running) + 1)) - {one.place for one in running.values()})
                connection, process = _start(context, job, place, deterministic)
                running[connection] = _Running(job, process, place)
                job = None
            if not running:
                return outcomes
            for ready in cast("list[Connection]", wait(list(running))):
                name, process = running[ready].job.name, running[ready].process
                outcome = _receive(ready, name, process, on_event)
                if outcome is not None:
                    del running[ready]
                    outcomes[name] = outcome
                    if ended:
                        ended(name, outcome)
    finally:
        for connection, one in running.items():
            _end(connection, one.process)


@dataclass(frozen=True)
class _Running:
    """Job with its process, and its place among the jobs that run side by side."""

    job: Job
    process: BaseProcess
    place: int


@dataclass(frozen=True)
class LocalEngine:
    """Processes of this machine; see `sissi.runtime.engines.Engine`.

    Attributes:
        device: setting of the device: auto, cpu or cuda.
    """

    device: str
    run = staticmethod(run)

    def side_by_side(self, setting: int) -> int:
        """The setting itself."""
        return setting

    def room(self, setting: int) -> int:
        """The setting itself."""
        return setting

    def machine(self) -> str:
        """Processor model of the device, asked in a job.

        Raises:
            SissiError: the job failed.
        """
        job = Job("device", "sissi.runtime.device:machine_of_setting", (self.device,))
        outcome = run([job], 1, lambda name, event: None)[job.name]
        if outcome.error is not None:
            raise SissiError(f"runtime.device: {outcome.error}")
        return str(outcome.value)


class PipeRecorder:
    """Recorder inside a job, which sends events through a pipe to the process that started the job."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, event: Event) -> None:
        """Send an event to the parent process."""
        self._connection.send(event)


def _context() -> Any:
    context = multiprocessing.get_context(START_METHOD)
    if START_METHOD == "forkserver":
        context.set_forkserver_preload(["sissi.ablation.stages"])
    return context


def _start(context: Any, job: Job, place: int, deterministic: bool) -> tuple[Connection, BaseProcess]:
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, job, place, deterministic), name=job.name, daemon=False)
    process.start()
    theirs.close()
    return ours, process


def _receive(connection: Connection, name: str, process: BaseProcess, on_event: OnEvent) -> Outcome | None:
    """Receive one message; return the outcome if it was the last message, else None."""
    try:
        message: Event | Outcome = connection.recv()
    except EOFError:
        process.join()
        connection.close()
        return Outcome(error=_cause_of_death(process.exitcode))
    if isinstance(message, Outcome):
        process.join()
        connection.close()
        return message
    if on_event(name, message):
        _end(connection, process)
        return Outcome(stopped=True)
    return None


def _end(connection: Connection, process: BaseProcess) -> None:
    process.terminate()
    process.join()
    connection.close()


def _cause_of_death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = "; out of memory? lower runtime.jobs or the batch sizes" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"
    return f"its process ended by itself with exit code {exit_code}"


def _work(connection: Connection, job: Job, place: int, deterministic: bool) -> None:
    """Body of a job's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is sent to the whole process group; the parent ends the jobs
    _choose_gpu(place)
    try:
        connection.send(perform(job, PipeRecorder(connection), deterministic))
    except BrokenPipeError:
        os._exit(1)  # the parent has ended, so no process can receive a message


def _choose_gpu(place: int) -> None:
    """Of several GPUs that this process may use, let it see one, by its place among the jobs."""
    import torch

    count = torch.cuda.device_count()
    if count > 1:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        names = visible.split(",") if visible else [str(index) for index in range(count)]
        os.environ["CUDA_VISIBLE_DEVICES"] = names[place % count]
