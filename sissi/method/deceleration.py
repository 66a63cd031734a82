"""ADELE: the epoch at which the training curve decelerates, so that the labels stop being trusted (3.3)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeWarning, curve_fit

from sissi.config import Deceleration

FLAT = 1e-3
"""A curve that never exceeds this has learnt nothing that could decelerate; AP50 lies in [0, 1]."""


@dataclass(frozen=True)
class Fit:
    """f(t) = a (1 - exp(-t^b / c)), fitted to the curve up to an epoch (Liu et al., CVPR 2022, equation 2).

    Attributes:
        epoch: the last epoch of the fitted curve, from 1 on.
        a: the level that the curve approaches, in [0, 1].
        b: exponent of time, in [0, 1].
        c: time scale, in epochs^b, above 0.
        relative_change: |f'(1) - f'(epoch)| / |f'(1)|.
    """

    epoch: int
    a: float
    b: float
    c: float
    relative_change: float


@dataclass(frozen=True)
class StartPoint:
    """Where correction starts.

    Attributes:
        epoch: correction starts after this epoch of early learning, from 1 on; 0 for what shares none of it.
        reason: a sentence for the user.
        found: False if the rule named no epoch, so that the last one was taken.
        fits: the fit of every epoch that had one, for ADELE.
    """

    epoch: int
    reason: str
    found: bool = True
    fits: tuple[Fit, ...] = ()


def value(t: npt.ArrayLike, a: float, b: float, c: float) -> npt.NDArray[np.float64]:
    """f(t) at epochs t >= 0."""
    times = np.asarray(t, np.float64)
    result: npt.NDArray[np.float64] = a * -np.expm1(-(times**b) / c)
    return result


def slope(t: npt.ArrayLike, a: float, b: float, c: float) -> npt.NDArray[np.float64]:
    """f'(t) at epochs t > 0."""
    times = np.asarray(t, np.float64)
    result: npt.NDArray[np.float64] = a * b / c * times ** (b - 1) * np.exp(-(times**b) / c)
    return result


def fit(curve: Sequence[float]) -> Fit | None:
    """The fit to AP50 at epochs 1, 2, ..., len(curve), each in [0, 1]; later points weigh more.

    The standard deviations fall geometrically from 1 to 0.1, as in the authors' rule. None where the curve is flat
    at zero or no parameters are found: there is no early learning to speak of.
    """
    epochs = np.arange(1, len(curve) + 1, dtype=np.float64)
    values = np.asarray(curve, np.float64)
    if values.max(initial=0) <= FLAT:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)
            (a, b, c), _ = curve_fit(
                value,
                epochs,
                values,
                p0=(min(1.0, values.max()), 0.9, len(curve) / 2),
                sigma=np.geomspace(1, 0.1, len(curve)),
                bounds=([0, 0, 1e-9], [1, 1, np.inf]),
                max_nfev=10_000,
            )
    except RuntimeError:
        return None
    first = float(slope(1, a, b, c))
    if not np.isfinite(first) or first <= 0:
        return None
    change = abs(first - float(slope(len(curve), a, b, c))) / first
    return Fit(len(curve), float(a), float(b), float(c), change)


def fits(curve: Sequence[float], min_points: int) -> tuple[Fit, ...]:
    """The fit at every epoch from `min_points` on, each to the curve up to there, where one exists."""
    found = (fit(curve[:epoch]) for epoch in range(min_points, len(curve) + 1))
    return tuple(one for one in found if one is not None)


def adele_start(curve: Sequence[float], settings: Deceleration) -> StartPoint:
    """The first epoch whose relative change exceeds the threshold; once there, later epochs do not matter.

    Args:
        curve: AP50 of the model on the target training images against their initial weak labels, in [0, 1], at
            epochs 1, 2, ...
        settings: threshold and the epochs that a fit needs, or the epoch itself.
    """
    every = fits(curve, settings.min_points)
    if settings.start_epoch is not None:
        return StartPoint(settings.start_epoch, "fixed by deceleration.start_epoch", fits=every)
    for one in every:
        if one.relative_change > settings.threshold:
            return StartPoint(
                one.epoch,
                f"ADELE: the fitted slope has changed by {one.relative_change:.1%}, more than {settings.threshold:.0%}",
                fits=every,
            )
    last = len(curve)
    if not every:
        why = f"the curve has no early-learning phase that can be fitted (AP50 at most {max(curve, default=0):.1%})"
    else:
        why = f"the fitted slope has changed by {max(one.relative_change for one in every):.1%} at most"
    return StartPoint(last, f"ADELE did not fire: {why}; the last epoch of early learning is taken", False, every)
