"""Live progress display of an ablation: one line per stage, with epoch, loss and time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from sissi.runtime.events import Progress


class Display:
    """Progress display of all stages: progress bars on a terminal, elsewhere one line per epoch."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars = Bars(
            TextColumn("{task.description:14}"),
            BarColumn(bar_width=24),
            TextColumn("epoch {task.fields[epoch]:>3}/{task.fields[epochs]}  {task.fields[doing]:10}"),
            TextColumn("loss {task.fields[loss]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._first: dict[str, float] = {}
        self._logged: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def log(self, text: str) -> None:
        """Print a permanent line."""
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print a permanent line about a problem that the user may want to correct."""
        self._bars.console.print(Text.assemble(("warning ", "yellow"), text), highlight=False, soft_wrap=True)

    def update(self, stage: str, at: Progress) -> None:
        """Show the progress of a stage."""
        position = at.epoch - 1 + at.fraction
        if stage not in self._tasks:
            self._first[stage] = float(at.epoch - 1)
            self._tasks[stage] = self._bars.add_task(
                stage, total=at.epochs - self._first[stage], epoch=at.epoch, epochs=at.epochs, doing=at.doing, loss="-"
            )
        task, done = self._tasks[stage], position - self._first[stage]
        self._bars.update(task, completed=done, epoch=at.epoch, doing=at.doing)
        if at.loss is not None:
            self._bars.update(task, loss=f"{at.loss:.3f}")
        trained = at.doing == "training" and at.fraction >= 1
        if not self.console.is_terminal and trained and self._logged.get(stage, 0) < at.epoch:
            self._logged[stage] = at.epoch
            self.console.print(f"{stage}: epoch {at.epoch}/{at.epochs}, loss {at.loss:.3f}", highlight=False)

    def finish(self, stage: str) -> None:
        """Remove the progress bar of a finished stage."""
        if stage in self._tasks:
            self._bars.remove_task(self._tasks.pop(stage))


@contextmanager
def image_bar(console: Console, images: int) -> Iterator[Callable[[], None]]:
    """Progress bar over images, shown on a terminal only.

    Args:
        console: console of the bar.
        images: number of images.

    Yields:
        Function to be called after each image.
    """
    columns = (
        TextColumn("{task.completed}/{task.total} images"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("images", total=images)
        yield lambda: bar.advance(task)
