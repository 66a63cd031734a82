import threading

import pytest

from sissi.runtime.prefetch import read_ahead

BATCHES = [[1, 2], [3], [4, 5, 6], [7], [8], [9]]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_come_in_order_however_many_threads_load_them(workers):
    assert list(read_ahead(lambda item: 10 * item, BATCHES, workers)) == [[10 * i for i in batch] for batch in BATCHES]


def test_items_are_loaded_before_they_are_asked_for_but_not_all_of_them():
    loaded, third = [], threading.Event()

    def load(item):
        loaded.append(item)
        if item == 6:
            third.set()
        return item

    batches = read_ahead(load, BATCHES, workers=1, ahead=2)
    assert next(batches) == [1, 2]
    assert third.wait(timeout=10)
    batches.close()
    assert loaded == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_fault_comes_up_when_its_batch_is_due(workers):
    def load(item):
        return 10 // (item - 3)

    batches = read_ahead(load, BATCHES, workers)
    assert next(batches) == [-5, -10]
    with pytest.raises(ZeroDivisionError):
        next(batches)


def test_whoever_stops_early_leaves_no_thread_behind():
    before = threading.active_count()
    batches = read_ahead(lambda item: item, BATCHES, workers=2)
    next(batches)
    assert threading.active_count() > before
    batches.close()
    assert threading.active_count() == before
