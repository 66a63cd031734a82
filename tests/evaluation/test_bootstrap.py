import math

import numpy as np
import pytest

from sissi.boxes import EMPTY, make_boxes
from sissi.evaluation.bootstrap import bootstrap, matches, paired_difference
from sissi.evaluation.metrics import TABLE_METRICS

CELL = make_boxes([[0, 0, 10, 10]])
TWO = make_boxes([[0, 0, 10, 10], [20, 0, 30, 10]])


def some_found(found: int, images: int = 40):
    """Images with a cell each, of which the first `found` are found exactly."""
    return matches([CELL] * found + [EMPTY] * (images - found), [CELL] * images)


def test_the_first_row_of_a_bootstrap_is_the_score_itself():
    drawn = bootstrap(some_found(30), resamples=10)
    assert drawn.shape == (11, 4)
    assert drawn[0, TABLE_METRICS.index("AR")] == 0.75


def test_recall_of_images_with_a_cell_each_has_the_interval_of_a_proportion():
    """The mean of n coin tosses is normal with variance p (1 - p) / n, in close approximation."""
    ar = paired_difference({0: bootstrap(some_found(100, 200))}, {0: bootstrap(some_found(0, 200))})["AR"]
    assert ar.value == 0.5
    half = 1.96 * math.sqrt(0.25 / 200)
    assert (ar.low, ar.high) == (pytest.approx(0.5 - half, abs=0.01), pytest.approx(0.5 + half, abs=0.01))
    assert ar.excludes_zero


def test_a_variant_does_not_differ_from_itself():
    mine = {seed: bootstrap(some_found(20)) for seed in (0, 1)}
    for one in paired_difference(mine, mine).values():
        assert (one.value, one.low, one.high, one.excludes_zero) == (0, 0, 0, False)


def test_pairing_removes_what_both_variants_share():
    better = {0: bootstrap(some_found(21))}
    worse = {0: bootstrap(some_found(20))}
    ar = paired_difference(better, worse)["AR"]
    assert ar.value == pytest.approx(1 / 40)
    # one image decides: it is in a resample k times with a mean of 1, so the difference is k / 40
    assert (ar.low, ar.high) == (0, pytest.approx(3 / 40))


def test_seeds_widen_the_interval():
    baseline = {seed: bootstrap(some_found(20)) for seed in range(3)}
    restless = {seed: bootstrap(some_found(count)) for seed, count in enumerate((20, 30, 40))}
    steady = {seed: bootstrap(some_found(30)) for seed in range(3)}
    wide, narrow = (paired_difference(one, baseline)["AR"] for one in (restless, steady))
    assert wide.value == pytest.approx(narrow.value)
    assert wide.high - wide.low > 1.2 * (narrow.high - narrow.low)
    assert wide.seeds == 3


def test_only_common_seeds_are_compared():
    mine = {0: bootstrap(some_found(30)), 1: bootstrap(some_found(40))}
    one = paired_difference(mine, {0: bootstrap(some_found(20))})["AR"]
    assert one.value == pytest.approx(0.25) and one.seeds == 1
    with pytest.raises(ValueError, match="seed that both"):
        paired_difference({0: mine[0]}, {1: mine[1]})


def test_the_same_seed_gives_the_same_interval():
    mine, other = {0: bootstrap(some_found(25), seed=7)}, {0: bootstrap(some_found(20), seed=7)}
    again = {0: bootstrap(some_found(25), seed=7)}
    assert paired_difference(mine, other) == paired_difference(again, other)
    assert not np.array_equal(mine[0], bootstrap(some_found(25), seed=8))


def test_no_true_box_no_interval():
    nothing = {0: bootstrap(matches([CELL], [EMPTY]))}
    one = paired_difference(nothing, nothing)["AP"]
    assert math.isnan(one.low) and not one.excludes_zero
