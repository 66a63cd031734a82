"""Interface through which a stage of an ablation records its events, independent of their destination."""

from __future__ import annotations

import itertools
from typing import Protocol

from sissi.runtime.events import Event, Notice, Passing, Progress
from sissi.runtime.journal import Journal


class OnProgress(Protocol):
    """Function that records the progress of a piece of work."""

    def __call__(self, fraction: float, loss: float | None = None) -> None:
        """Record the finished fraction, in [0, 1], and in training the mean loss so far."""


class Recorder(Protocol):
    """Receiver of the events of a stage, such as a pipe or a run."""

    def record(self, event: Event) -> None:
        """Record an event."""


class JournaledRecorder:
    """Recorder that also stores lasting events in a journal, so that they can be replayed after an interruption.

    Attributes:
        journal: journal of the lasting events.
        recorder: recorder that receives every event.
    """

    def __init__(self, journal: Journal, recorder: Recorder) -> None:
        self.journal = journal
        self.recorder = recorder

    def replay(self, end: int | None = None) -> None:
        """Record the stored events again, up to a position."""
        for event in itertools.islice(self.journal.events(), end):
            self.recorder.record(event)

    def record(self, event: Event) -> None:
        """Store an event and pass it on, with the paths of the journal's files in place of large content."""
        self.recorder.record(event if isinstance(event, Passing) else self.journal.append(event))


def notify(recorder: Recorder, text: str) -> None:
    """Show a sentence to the user immediately."""
    recorder.record(Notice(text))


def progress_of(recorder: Recorder, epoch: int, epochs: int, doing: str) -> OnProgress:
    """Function that records the progress of a part of an epoch, such as training."""
    return lambda fraction, loss=None: recorder.record(Progress(epoch, epochs, doing, fraction, loss))
