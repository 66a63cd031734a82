import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sissi.detector.batching import padded_batch

SIDES = st.integers(1, 70)


@given(st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=3), st.sampled_from([1, 32]))
def test_images_lie_top_left_in_the_smallest_batch_that_holds_them(sizes, multiple):
    images = [torch.rand(3, height, width) + 1 for height, width in sizes]
    batch = padded_batch(images, multiple)
    assert batch.shape[0] == len(images)
    for side, largest in zip(batch.shape[2:], (max(size) for size in zip(*sizes, strict=True)), strict=True):
        assert side % multiple == 0 and largest <= side < largest + multiple
    for image, padded in zip(images, batch, strict=True):
        assert torch.equal(padded[:, : image.shape[1], : image.shape[2]], image)
        assert padded.sum().item() == pytest.approx(image.sum().item(), rel=1e-5)
