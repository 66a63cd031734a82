"""Loading of batches in background threads, ahead of their use and in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(
    load: Callable[[Item], Result], batches: Iterable[list[Item]], workers: int, ahead: int = 2
) -> Iterator[list[Result]]:
    """Loaded items of each batch, in the order of the batches.

    The workers are threads, not processes. Decoding and OpenCV run in parallel with the training in both cases, and
    threads start immediately, which matters for short epochs.

    Args:
        load: function that loads an item; its result must not depend on the thread or on the order of calls.
        batches: lists of items.
        workers: number of loading threads; 0: the caller's thread loads, and nothing is loaded ahead.
        ahead: number of batches that are loaded or being loaded while the caller works on another.

    Raises:
        Exception: any error of `load`, raised at the turn of its batch.
    """
    if not workers:
        yield from ([load(item) for item in batch] for batch in batches)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="read-ahead")
    waiting: deque[list[Future[Result]]] = deque()
    try:
        for batch in batches:
            waiting.append([pool.submit(load, item) for item in batch])
            if len(waiting) > ahead:
                yield [future.result() for future in waiting.popleft()]
        while waiting:
            yield [future.result() for future in waiting.popleft()]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
