"""Ray tasks, one process for each job, on the nodes of a cluster or on the GPUs of this machine.

The events of a task come back in a stream. A job whose node is lost is run again, and goes on from its last checkpoint;
a process that dies on a living node ends its job with an error, as a process of the local engine does. Ray may speak of
a dead process where the whole node is dying, or of lost messages, so the node is asked for an answer first.
"""

from __future__ import annotations

import os
import pickle
import queue
import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sissi.errors import SissiError
from sissi.runtime.device import machine_of_setting
from sissi.runtime.engines.agreement import Agreement, agreed
from sissi.runtime.engines.ray_cluster import connected
from sissi.runtime.events import Event, Notice, Progress
from sissi.runtime.jobs import Ended, Job, OnEvent, Outcome, perform

try:
    import ray
    from ray.exceptions import NodeDiedError, OutOfMemoryError, RayError, WorkerCrashedError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError:
    raise SissiError("runtime.engine: Ray is not installed: pip install 'sissi[ray]'") from None

TIME_LIMIT = 1.0
"""Seconds of one wait for messages, after which the driver asks which nodes live."""
ANSWER_TIME = 60.0
"""Seconds within which a node answers before work begins."""
LOSSES = 3
"""Number of times that a job without progress is run again after a loss of its node."""


@dataclass
class _Task:
    """Submitted job.

    Attributes:
        job: the job.
        losses: number of nodes lost since the last progress.
        reached: last epoch of which earlier tasks of the job have sent progress.
        epoch: last epoch so far.
        node: id of its node; empty before its first message.
        host: name of its node's machine.
        death: outcome if its node answers, once its process has died; None: it lives.
    """

    job: Job
    losses: int = 0
    reached: int = 0
    epoch: int = 0
    node: str = ""
    host: str = "no host yet"
    death: Outcome | None = None


class RayEngine:
    """Ray; see `sissi.runtime.engines.Engine`.

    Attributes:
        agreement: what each node must have in common with this process.
        device: setting of the device: auto, cpu or cuda.
        gpus: GPUs of each job.
    """

    def __init__(self, agreement: Agreement, device: str, gpus_per_job: float) -> None:
        self.agreement = agreement
        self.device = device
        wanted = device == "cuda" or (device == "auto" and any(node["Resources"].get("GPU") for node in _living()))
        self.gpus = gpus_per_job if wanted else 0.0

    def side_by_side(self, setting: int) -> int:
        """No limit but the room on the nodes, which may come and go."""
        return sys.maxsize

    def room(self, setting: int) -> int:
        """Number of jobs of one thread that the living nodes hold at once, whatever the setting."""
        return self._room(1)

    def machine(self) -> str:
        """Processor model of the nodes, each of which is looked at.

        Raises:
            SissiError: a node does not answer, is not fit for the jobs, or has another kind of processor.
        """
        looks = {}
        for node in (node for node in _living() if self._slots(node, 1)):
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            look = _look.options(scheduling_strategy=there).remote(self.agreement, self.device, bool(self.gpus))
            looks[look] = node["NodeManagerHostname"]
        if not looks:
            raise SissiError(self._fits_nowhere(1))
        _, silent = ray.wait(list(looks), num_returns=len(looks), timeout=ANSWER_TIME)
        if silent:
            raise SissiError(f"{looks[silent[0]]}: does not answer; take it out of the Ray cluster")
        hosts = {_machine(look, host): host for look, host in looks.items()}
        if len(hosts) > 1:
            kinds = ", ".join(f"{host} has {machine}" for machine, host in hosts.items())
            raise SissiError(f"results may differ between kinds of processor: {kinds}; use nodes of one kind")
        return next(iter(hosts))

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
        waiting, job = iter(jobs), None
        running, outcomes = dict[Any, _Task](), dict[str, Outcome]()

        def submit(task: _Task) -> None:
            if not self._room(task.job.threads):
                return end(task, Outcome(error=self._fits_nowhere(task.job.threads)))
            remote = _work.options(num_cpus=task.job.threads, num_gpus=self.gpus).remote
            running[remote(pickle.dumps(task.job), deterministic, self.agreement)] = task

        def ask(task: _Task, error: RayError) -> None:
            if not task.node or isinstance(error, OutOfMemoryError):
                return end(task, _death(task, error))
            task.death = _death(task, error)
            there = NodeAffinitySchedulingStrategy(task.node, soft=False)
            running[_answer.options(scheduling_strategy=there).remote()] = task

        def end(task: _Task, outcome: Outcome) -> None:
            outcomes[task.job.name] = outcome
            if ended:
                ended(task.job.name, outcome)

        def lose(task: _Task) -> None:
            losses = 1 if task.epoch > task.reached else task.losses + 1
            if losses > LOSSES:
                return end(task, Outcome(error=f"its node was lost {losses} times without progress, last {task.host}"))
            on_event(task.job.name, Notice(f"{task.job.name}: its node ({task.host}) is lost; it goes on elsewhere"))
            submit(_Task(task.job, losses, max(task.epoch, task.reached)))

        try:
            while True:
                while (busy := sum(task.job.threads for task in running.values())) < side_by_side or not running:
                    if running and len(running) >= self._room(1):
                        break
                    job = job or next(waiting, None)
                    if job is None or (running and busy + job.threads > side_by_side):
                        break
                    submit(_Task(job))
                    job = None
                if not running:
                    return outcomes
                ready, _ = ray.wait(list(running), timeout=TIME_LIMIT)
                for waited in ready:
                    task = running[waited]
                    try:
                        outcome = _receive(waited, task, on_event)
                    except RayError as error:
                        del running[waited]
                        if task.death is not None or isinstance(error, NodeDiedError):
                            lose(task)
                        else:
                            ask(task, error)
                    else:
                        if outcome is not None:
                            end(running.pop(waited), outcome)
                living = {node["NodeID"] for node in _living()}
                for waited, task in [*running.items()]:
                    if task.node and task.node not in living:
                        lose(running.pop(waited))
        finally:
            for waited in running:
                ray.cancel(waited, force=True)

    def _room(self, threads: int) -> int:
        """Number of jobs with these threads that the living nodes hold at once."""
        return sum(self._slots(node, threads) for node in _living())

    def _slots(self, node: dict[str, Any], threads: int) -> int:
        has = node["Resources"]
        by_cores = int(has.get("CPU", 0) // threads)
        return min(by_cores, int(has.get("GPU", 0) / self.gpus)) if self.gpus else by_cores

    def _fits_nowhere(self, threads: int) -> str:
        has = [(node["NodeManagerHostname"], node["Resources"]) for node in _living()]
        nodes = ", ".join(f"{host} has {have.get('CPU', 0):g} and {have.get('GPU', 0):g}" for host, have in has)
        keys = {"runtime.trunk_threads": threads > 1, "runtime.gpus_per_job": self.gpus > 0}
        lower = "".join(f"lower {key}, or " for key, helps in keys.items() if helps)
        return f"no node has room for a job of {threads} cores and {self.gpus:g} GPUs ({nodes}); {lower}add a node"


@contextmanager
def open_ray(folder: Path, device: str, address: str, gpus_per_job: float) -> Iterator[RayEngine]:
    """Connect to a Ray cluster, or start Ray on this machine; see `sissi.runtime.engines.open_engine`."""
    with agreed(folder) as agreement, connected(address, folder / "ray"):
        yield RayEngine(agreement, device, gpus_per_job)


def _living() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _machine(look: Any, host: str) -> str:
    """Processor model of a node that was looked at."""
    try:
        machine, problem = ray.get(look)
    except RayError as error:
        raise SissiError(f"{host}: cannot run sissi: {_summary(error)}") from None
    if problem:
        raise SissiError(problem)
    return str(machine)


def _receive(waited: Any, task: _Task, on_event: OnEvent) -> Outcome | None:
    """Receive messages of a task, or the answer of its node; return its outcome if it has ended, else None.

    Raises:
        RayError: its process or its node has died, or the node does not answer.
    """
    if task.death is not None:
        ray.get(waited)
        return task.death
    for message in ray.get(next(waited)):
        if isinstance(message, Outcome):
            return message
        if isinstance(message, tuple):
            task.node, task.host = message
            continue
        if isinstance(message, Progress):
            task.epoch = max(task.epoch, message.epoch)
        if on_event(task.job.name, message):
            ray.cancel(waited, force=True)
            return Outcome(stopped=True)
    return None


def _death(task: _Task, error: RayError) -> Outcome:
    """Outcome of a job whose process has died on a living node."""
    if isinstance(error, WorkerCrashedError | OutOfMemoryError):
        return Outcome(error=f"its process on {task.host} was killed; out of memory? lower the batch sizes")
    return Outcome(error=f"its process on {task.host} failed: {_summary(error)}")


def _summary(error: Exception) -> str:
    """Last line of an error of Ray, which is the reason."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__


@ray.remote(num_cpus=0, max_retries=0, max_calls=1)  # type: ignore[untyped-decorator]
def _look(agreement: Agreement, device: str, gpus: bool) -> tuple[str, str | None]:
    """Processor model of this node, or a sentence about what is wrong with it."""
    try:
        agreement.enter()
        _hide_gpus(gpus)
        return machine_of_setting(device, None), None
    except SissiError as error:
        return "", str(error)
    except Exception as error:
        return "", f"{socket.gethostname()}: runtime.device: {type(error).__name__}: {error}"


@ray.remote(num_cpus=0, max_retries=0)  # type: ignore[untyped-decorator]
def _answer() -> None:
    """Sign of life of a node."""


@ray.remote(  # type: ignore[untyped-decorator]
    num_returns="streaming", max_retries=0, max_calls=1, scheduling_strategy="SPREAD"
)
def _work(job: bytes, deterministic: bool, agreement: Agreement) -> Iterator[list[Any]]:
    """Do a job: its node, its events in batches, and at last its outcome."""
    messages: queue.SimpleQueue[Event | Outcome] = queue.SimpleQueue()

    def work() -> None:
        try:
            agreement.enter()
            messages.put(perform(pickle.loads(job), _QueueRecorder(messages), deterministic))  # noqa: S301
        except Exception as error:
            messages.put(Outcome(error=str(error)))

    context = ray.get_runtime_context()
    yield [(context.get_node_id(), socket.gethostname())]
    _hide_gpus(bool(context.get_accelerator_ids()["GPU"]))
    threading.Thread(target=work, daemon=True).start()
    batch: list[Event | Outcome] = []
    while not (batch and isinstance(batch[-1], Outcome)):
        batch = [messages.get()]
        while not messages.empty():
            batch.append(messages.get())
        yield batch


class _QueueRecorder:
    """Recorder inside a job's process, whose events the task passes on."""

    def __init__(self, messages: queue.SimpleQueue[Event | Outcome]) -> None:
        self._messages = messages

    def record(self, event: Event) -> None:
        """Pass an event to the task."""
        self._messages.put(event)


def _hide_gpus(asked: bool) -> None:
    """Hide the GPUs of the machine from a process that asked for none; Ray leaves them visible."""
    if not asked:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
