"""Figures of a run: functions from data to a matplotlib Figure, for reports and notebooks."""

from sissi.figures.costs import costs
from sissi.figures.crops import crop_around
from sissi.figures.curves import deceleration_curve, label_quality
from sissi.figures.differences import differences
from sissi.figures.pictures import Panel, label_cycles, side_by_side, synthetic_like
from sissi.figures.summary import summary
from sissi.figures.thresholds import threshold_study

__all__ = [
    "Panel",
    "costs",
    "crop_around",
    "deceleration_curve",
    "differences",
    "label_cycles",
    "label_quality",
    "side_by_side",
    "summary",
    "synthetic_like",
    "threshold_study",
]
