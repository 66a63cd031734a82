import numpy as np
import pytest

from sissi.weak_labels.gradients import derivatives, magnitude


def test_a_slope_has_8_times_its_steps() -> None:
    y, x = np.mgrid[0:20, 0:30]
    across, down = derivatives((3 * x + 4 * y).astype(np.uint8))
    assert np.all(across[1:-1, 1:-1] == 24)
    assert np.all(down[1:-1, 1:-1] == 32)
    assert np.all(magnitude(across, down)[1:-1, 1:-1] == 40)


def shifted(array: np.ndarray, offset: int) -> np.ndarray:
    """The same array at another place of the memory, so many items behind an aligned one."""
    room = np.empty(array.size + 32, array.dtype)[offset : offset + array.size].reshape(array.shape)
    room[...] = array
    return room


@pytest.mark.parametrize("width", [31, 64, 97])
def test_where_the_arrays_lie_in_memory_does_not_matter(width: int) -> None:
    rng = np.random.default_rng(width)
    across, down = rng.normal(0, 90, (2, 40, width)).astype(np.float32)
    results = [magnitude(shifted(across, offset), shifted(down, offset)) for offset in range(16)]
    assert all(np.array_equal(results[0], result) for result in results)
