import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.optimize._numdiff import approx_derivative

from sissi.config import Deceleration
from sissi.method.deceleration import adele_start, fit, fits, slope, value
from sissi.method.start_point import validation_loss_start

EPOCHS = np.arange(1, 31)


@given(st.floats(0.1, 0.9), st.floats(0.3, 1), st.floats(1, 8), st.floats(1, 30))
def test_slope_is_the_derivative_of_value(a, b, c, t):
    numeric = approx_derivative(lambda x: value(x, a, b, c), t).item()
    assert slope(t, a, b, c).item() == pytest.approx(numeric, rel=1e-4, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.floats(0.1, 0.9), st.floats(0.5, 1), st.floats(1.5, 6))
def test_the_fit_recovers_a_known_curve(a, b, c):
    curve = value(EPOCHS, a, b, c)
    found = fit(curve.tolist())
    np.testing.assert_allclose(value(EPOCHS, found.a, found.b, found.c), curve, atol=2e-4)


def test_the_start_point_of_a_known_curve():
    a, b, c = 0.25, 0.95, 4.0
    change = lambda t: 1 - slope(t, a, b, c) / slope(1, a, b, c) - 0.9  # noqa: E731
    expected = int(np.ceil(brentq(change, 1, 100)))
    start = adele_start(value(np.arange(1, 41), a, b, c).tolist(), Deceleration())
    assert (start.epoch, start.found) == (expected, True)
    assert "ADELE" in start.reason


def test_a_noisy_curve_starts_near_the_noiseless_one():
    clean = value(EPOCHS, 0.25, 1.0, 4.0)
    noise = np.random.default_rng(0).normal(0, 0.003, clean.shape)
    exact = adele_start(clean.tolist(), Deceleration()).epoch
    assert abs(adele_start((clean + noise).clip(0, 1).tolist(), Deceleration()).epoch - exact) <= 2


def test_a_lower_threshold_never_starts_later():
    curve = value(EPOCHS, 0.3, 0.9, 5.0).tolist()
    starts = [adele_start(curve, Deceleration(threshold=threshold)).epoch for threshold in (0.5, 0.7, 0.9)]
    assert starts == sorted(starts) and starts[0] < starts[-1]


def test_the_rule_latches_even_if_a_later_epoch_would_not_fire():
    curve = value(np.arange(1, 21), 0.25, 1.0, 2.0).tolist()
    fired = adele_start(curve, Deceleration())
    later_jump = curve + [0.25 + 0.1 * k for k in range(1, 8)]
    assert adele_start(later_jump, Deceleration()).epoch == fired.epoch
    assert fits(later_jump, 4)[-1].relative_change < 0.9


def test_no_fit_before_there_are_more_points_than_parameters():
    assert fits([0.1, 0.15, 0.17], 4) == ()
    assert [one.epoch for one in fits([0.1, 0.15, 0.17, 0.18, 0.185], 4)] == [4, 5]


@pytest.mark.parametrize("curve", [[0.0] * 12, [1e-5] * 12])
def test_a_curve_without_early_learning_says_so_plainly(curve):
    start = adele_start(curve, Deceleration())
    assert (start.epoch, start.found) == (12, False)
    assert "no early-learning phase" in start.reason and "did not fire" in start.reason


def test_a_curve_that_still_rises_steadily_does_not_fire():
    start = adele_start([0.02 * t for t in range(1, 13)], Deceleration())
    assert not start.found and start.epoch == 12


def test_the_lowest_validation_loss_from_the_first_allowed_epoch_on():
    losses = [0.1, 0.9, 0.5, 0.4, 0.45]
    assert validation_loss_start(losses, 1).epoch == 1
    assert validation_loss_start(losses, 2).epoch == 4


def test_a_fixed_start_epoch_takes_the_place_of_the_fit():
    curve = value(EPOCHS, 0.25, 0.95, 4.0).tolist()
    free, fixed = adele_start(curve, Deceleration()), adele_start(curve, Deceleration(start_epoch=3))
    assert fixed.epoch == 3 != free.epoch and fixed.found and fixed.fits == free.fits
    assert "deceleration.start_epoch" in fixed.reason
