"""Compute the items of a sequence in the background, a little ahead of whoever uses them, in order."""

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
    """The loaded items of each batch, in the order of the batches.

    Threads and not processes: decoding and OpenCV run beside the training in either, and threads cost nothing to
    start, which short epochs notice.

    Args:
        load: must give the same in whatever thread and order it is called.
        batches: of items.
        workers: threads that load; 0: nothing is read ahead, the caller's own thread loads.
        ahead: batches that are loaded or under way while the caller works on one.

    Raises:
        Exception: whatever `load` raised, when its batch is due.
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
