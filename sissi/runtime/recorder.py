"""Where a stage of an ablation records its events; it does not know what becomes of them."""

from __future__ import annotations

import itertools
from typing import Protocol

from sissi.runtime.events import Event, Notice, Progress
from sissi.runtime.journal import Journal


class OnProgress(Protocol):
    """Called with the fraction of a piece of work that is done and, in training, the mean loss so far."""

    def __call__(self, fraction: float, loss: float | None = None) -> None:
        """Note how far it is."""


class Recorder(Protocol):
    """Takes the events of a stage: a journal, a pipe, a run, or a test."""

    def record(self, event: Event) -> None:
        """Take an event."""


class JournaledRecorder:
    """A recorder that also writes lasting events down, so that they can be replayed after an interruption."""

    def __init__(self, journal: Journal, recorder: Recorder) -> None:
        self.journal = journal
        self.recorder = recorder

    def replay(self, end: int | None = None) -> None:
        """Record again what was written down, up to a position."""
        for event in itertools.islice(self.journal.events(), end):
            self.recorder.record(event)

    def record(self, event: Event) -> None:
        """Write an event down and pass it on, with the paths of the journal's files in place of large content."""
        self.recorder.record(event if isinstance(event, Progress | Notice) else self.journal.append(event))


def notify(recorder: Recorder, text: str) -> None:
    """Show a sentence to the user now."""
    recorder.record(Notice(text))


def progress_of(recorder: Recorder, epoch: int, epochs: int, doing: str) -> OnProgress:
    """What a part of an epoch calls to record how far it is."""
    return lambda fraction, loss=None: recorder.record(Progress(epoch, epochs, doing, fraction, loss))
