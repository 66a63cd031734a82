import math

import numpy as np
import pytest

from sissi.boxes import EMPTY
from sissi.evaluation.bootstrap import bootstrap, matches, paired_difference
from sissi.evaluation.headroom import Share, from_records, records, shares, shares_of
from sissi.evaluation.metrics import TABLE_METRICS
from tests.evaluation.test_bootstrap import CELL, some_found


def resampled(found: int, images: int = 40):
    return bootstrap(some_found(found, images))


def test_the_share_is_the_gain_over_the_headroom():
    """AR is the fraction of cells that are found: (30 - 20) / (40 - 20)."""
    half = shares_of({0: resampled(30)}, {0: resampled(20)}, {0: resampled(40)})
    assert half["AR"].value == pytest.approx(0.5) and half["AR"].undefined == 0
    assert half["AR"].low < 0.5 < half["AR"].high


@pytest.mark.parametrize(("found", "share"), [(20, 0), (40, 1), (10, -0.5)])
def test_weak_only_wins_nothing_the_oracle_all_and_harm_is_below_zero(found, share):
    one = shares_of({0: resampled(found)}, {0: resampled(20)}, {0: resampled(40)})["AR"]
    assert one.value == pytest.approx(share)
    if share >= 0:  # the numerator is the same share of the headroom in every resample
        assert (one.low, one.high) == (pytest.approx(share), pytest.approx(share))


def test_the_interval_is_that_of_a_ratio_of_counts():
    """How many of n winnable cells are won is binomial: the interval is close to p ± 1.96 sqrt(p (1 - p) / n)."""
    one = shares_of({0: resampled(200, 400)}, {0: resampled(0, 400)}, {0: resampled(400, 400)})["AR"]
    half = 1.96 * math.sqrt(0.25 / 400)
    assert (one.low, one.high) == (pytest.approx(0.5 - half, abs=0.01), pytest.approx(0.5 + half, abs=0.01))


def test_all_three_rows_take_the_same_images_and_seeds():
    """A variant that wins exactly half of the headroom of every image and seed has an interval of no width."""
    floor = {seed: resampled(10 + seed) for seed in range(3)}
    ceiling = {seed: resampled(30 - seed) for seed in range(3)}
    between = {seed: (floor[seed] + ceiling[seed]) / 2 for seed in range(3)}
    one = shares_of(between, floor, ceiling)["AP"]
    assert (one.value, one.low, one.high) == pytest.approx((0.5, 0.5, 0.5)) and one.seeds == 3


def test_it_is_a_ratio_of_means_over_the_seeds_that_all_have():
    """Gains of 10 and 0, headrooms of 10 and 30: a quarter, not the mean of 1 and 0."""
    variant = {0: resampled(20), 1: resampled(10), 2: resampled(40)}
    floor = {0: resampled(10), 1: resampled(10)}
    ceiling = {0: resampled(20), 1: resampled(40), 2: resampled(40)}
    one = shares_of(variant, floor, ceiling)["AR"]
    assert one.value == pytest.approx(0.25) and one.seeds == 2
    assert one.low == pytest.approx(0) and one.high == pytest.approx(1)  # resamples of one seed alone
    with pytest.raises(ValueError, match="all three rows"):
        shares_of({3: resampled(1)}, floor, ceiling)


def test_an_oracle_that_is_not_above_weak_only_leaves_no_share():
    one = shares_of({0: resampled(30)}, {0: resampled(20)}, {0: resampled(20)})["AR"]
    assert math.isnan(one.value) and math.isnan(one.low) and one.undefined == 1


def test_a_headroom_of_rounding_errors_is_none():
    one = shares_of({0: resampled(30)}, {0: resampled(20)}, {0: resampled(20) * (1 + 1e-15)})["AR"]
    assert math.isnan(one.value) and math.isnan(one.low) and one.undefined == 1


def test_an_unsure_headroom_has_a_share_but_no_interval():
    """One image makes the headroom: it is in a resample with a chance of 1 - (1 - 1/40)^40, about 63.7 %."""
    one = shares_of({0: resampled(21)}, {0: resampled(20)}, {0: resampled(21)})["AR"]
    assert one.value == pytest.approx(1) and math.isnan(one.low)
    assert one.undefined == pytest.approx((1 - 1 / 40) ** 40, abs=0.03)


def test_few_resamples_without_headroom_are_left_out_and_counted():
    """Three such images: a chance of about (1 - 3/40)^40 = 4.4 % that none is in a resample."""
    one = shares_of({0: resampled(23)}, {0: resampled(20)}, {0: resampled(23)})["AR"]
    assert 0 < one.undefined < 0.05
    assert (one.value, one.low, one.high) == (pytest.approx(1), pytest.approx(1), pytest.approx(1))


def test_it_is_the_quotient_of_the_paired_differences():
    rows = {name: {0: resampled(count)} for name, count in (("x", 33), ("weak-only", 15), ("oracle", 38))}
    gain, room = (paired_difference(rows[name], rows["weak-only"])["AP"].value for name in ("x", "oracle"))
    assert shares_of(*rows.values())["AP"].value == pytest.approx(gain / room)


def test_shares_are_of_every_variant_that_corrects_and_survive_being_written():
    scored = {
        (name, seed): {"reader_1": resampled(count + seed)}
        for name, count in (("baseline", 25), ("weak-only", 20), ("oracle", 30))
        for seed in (0, 1)
    }
    found = shares(scored)
    assert list(found) == [("baseline", "reader_1", "AP"), ("baseline", "reader_1", "AR")]
    assert found["baseline", "reader_1", "AR"].value == pytest.approx(0.5)
    assert from_records(records(found)) == found
    gap = {("baseline", "reader_1", "AP"): Share(math.nan, math.nan, math.nan, 1, 1.0)}
    assert records(gap)[0]["value"] is None and repr(from_records(records(gap))) == repr(gap)
    del scored["oracle", 0], scored["oracle", 1]
    assert shares(scored) == {}


def test_a_resample_without_a_true_box_has_no_share():
    nothing = {0: bootstrap(matches([CELL], [EMPTY]))}
    assert np.isnan(nothing[0][:, TABLE_METRICS.index("AP")]).all()
    assert math.isnan(shares_of(nothing, nothing, nothing)["AP"].value)
