"""ADELE: detection of the epoch at which the training curve decelerates, after which correction starts (3.3)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeWarning, curve_fit

from sissi.config import Deceleration

FLAT = 1e-3
"""Largest AP50, in [0, 1], of a flat curve, which has no early-learning phase."""


@dataclass(frozen=True)
class Fit:
    """Fit of f(t) = a (1 - exp(-t^b / c)) to the curve up to an epoch (Liu et al., CVPR 2022, equation 2).

    Attributes:
        epoch: last epoch of the fitted curve, from 1 on.
        a: limit of the curve, in [0, 1].
        b: exponent of time, in [0, 1].
        c: time scale, in epochs^b, above 0.
        relative_change: relative change of the slope, |f'(1) - f'(epoch)| / |f'(1)|.
    """

    epoch: int
    a: float
    b: float
    c: float
    relative_change: float


@dataclass(frozen=True)
class StartPoint:
    """Epoch after which correction starts, by ADELE or by another rule (see `start_point`).

    Attributes:
        epoch: last epoch of early learning before correction, from 1 on; 0 for a variant without early learning.
        reason: reason of the choice, a sentence for the user.
        found: whether the rule selected an epoch; if not, it is the last one.
        fits: fits of all epochs that have one, for ADELE.
    """

    epoch: int
    reason: str
    found: bool = True
    fits: tuple[Fit, ...] = ()


def value(t: npt.ArrayLike, a: float, b: float, c: float) -> npt.NDArray[np.float64]:
    """Values f(t) at epochs t >= 0."""
    times = np.asarray(t, np.float64)
    result: npt.NDArray[np.float64] = a * -np.expm1(-(times**b) / c)
    return result


def slope(t: npt.ArrayLike, a: float, b: float, c: float) -> npt.NDArray[np.float64]:
    """Slopes f'(t) at epochs t > 0."""
    times = np.asarray(t, np.float64)
    result: npt.NDArray[np.float64] = a * b / c * times ** (b - 1) * np.exp(-(times**b) / c)
    return result


def fit(curve: Sequence[float]) -> Fit | None:
    """Fit f to a curve of AP50 at epochs 1, 2, ..., len(curve), with larger weights for later points.

    The standard deviations decrease geometrically from 1 to 0.1, as in the authors' code.

    Args:
        curve: AP50 of each epoch, in [0, 1].

    Returns:
        The fit, or None if the curve is flat at zero or the fit does not converge, so without an early-learning phase.
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
    """Fits to the curve up to each epoch from `min_points` on, where a fit exists."""
    fits_or_none = (fit(curve[:epoch]) for epoch in range(min_points, len(curve) + 1))
    return tuple(fitted for fitted in fits_or_none if fitted is not None)


def adele_start(curve: Sequence[float], settings: Deceleration) -> StartPoint:
    """Start of correction by ADELE: the first epoch whose relative change exceeds the threshold.

    Args:
        curve: AP50 of the model on the target training images against their initial weak labels, in [0, 1], at
            epochs 1, 2, ...
        settings: threshold and smallest number of epochs of a fit, or a fixed epoch.
    """
    fitted = fits(curve, settings.min_points)
    if settings.start_epoch is not None:
        return StartPoint(settings.start_epoch, "fixed by deceleration.start_epoch", fits=fitted)
    for candidate in fitted:
        change = candidate.relative_change
        if change > settings.threshold:
            return StartPoint(
                candidate.epoch,
                f"ADELE: the fitted slope has changed by {change:.1%}, more than {settings.threshold:.0%}",
                fits=fitted,
            )
    last = len(curve)
    if not fitted:
        why = f"the curve has no early-learning phase that can be fitted (AP50 at most {max(curve, default=0):.1%})"
    else:
        why = f"the fitted slope has changed by {max(candidate.relative_change for candidate in fitted):.1%} at most"
    return StartPoint(last, f"ADELE did not fire: {why}; the last epoch of early learning is taken", False, fitted)
