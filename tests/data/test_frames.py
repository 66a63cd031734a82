import numpy as np
import pytest


@pytest.mark.parametrize("workers", [0, 2])
def test_frames_come_in_order_and_the_last_batch_holds_the_rest(target, workers):
    batches = list(target.batches(2, workers))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    for index, frame in enumerate(frame for batch in batches for frame in batch):
        assert np.array_equal(frame, target.read(index))
