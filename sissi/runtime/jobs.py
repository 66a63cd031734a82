"""Jobs that record events while they work, and their outcomes; `runtime.engines` runs them in processes."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from sissi.errors import SissiError
from sissi.runtime.events import Event
from sissi.runtime.files import full_message, is_full
from sissi.runtime.recorder import Recorder

OnEvent = Callable[[str, Event], bool | None]
"""Function of the name of a job and an event that it recorded; the return value True ends the job."""
Ended = Callable[[str, "Outcome"], None]


@dataclass(frozen=True)
class Job:
    """Function that runs in its own process.

    Attributes:
        name: name of the job, unique among the jobs that run together.
        function: importable function, or its "module:name", so that only the job imports it; called with the arguments
            and a `Recorder`.
        arguments: picklable arguments.
        threads: number of threads that torch and OpenCV may use; it counts as that many of the jobs side by side.
    """

    name: str
    function: Callable[..., Any] | str
    arguments: tuple[Any, ...]
    threads: int = 1

    def do(self, recorder: Recorder) -> Any:
        """Call the function in this process, and return its value."""
        function = self.function
        if isinstance(function, str):
            module, _, name = function.partition(":")
            function = getattr(import_module(module), name)
        return function(*self.arguments, recorder)


@dataclass(frozen=True)
class Outcome:
    """Outcome of a job.

    Attributes:
        value: return value of the function; None if the job failed.
        error: message for the user if the job failed, else None.
        details: traceback of an unexpected error, else None.
        stopped: whether `on_event` ended the job.
    """

    value: Any = None
    error: str | None = None
    details: str | None = None
    stopped: bool = False


def perform(job: Job, recorder: Recorder, deterministic: bool) -> Outcome:
    """Do a job in this process, which has done nothing before, and explain its error if it fails.

    Args:
        job: the job.
        recorder: recorder of its events.
        deterministic: whether to restrict this process to deterministic operations.

    Raises:
        BrokenPipeError: the receiver of the events has ended.
    """
    try:
        _limit_threads(job.threads)
        if deterministic:
            from sissi.runtime.determinism import demand_determinism

            demand_determinism()
        return Outcome(job.do(recorder))
    except SissiError as error:
        return Outcome(error=str(error))
    except BrokenPipeError:
        raise
    except Exception as error:
        message = _explained(error)
        return Outcome(error=message) if message else _unexpected(error)


def _unexpected(error: Exception) -> Outcome:
    return Outcome(error=f"{type(error).__name__}: {error}", details=traceback.format_exc())


def _explained(error: Exception) -> str | None:
    """Message for the user about an expected kind of error; None for any other error."""
    import torch

    from sissi.runtime.determinism import missing_operation

    if isinstance(error, torch.OutOfMemoryError):
        return (
            "the GPU's memory is full: lower training.target_batch and training.source_batch, runtime.jobs, "
            "detector.proposals or training.image_size"
        )
    if is_full(error):
        return full_message(error)
    operation = missing_operation(error)
    if operation:
        return (
            f"{operation} has no deterministic form on this device: leave out --deterministic (runtime.deterministic), "
            "or use runtime.device=cpu"
        )
    return None


def _limit_threads(threads: int) -> None:
    import cv2
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
