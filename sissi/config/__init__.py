"""Settings of an experiment: typed, frozen models of every key. An unknown key or an impossible value is an error.

The string below a field is its documentation.
"""

from sissi.config.correction import Blur, PseudoLabels, SelfTraining, SyntheticImages
from sissi.config.data import DemoData, DrawnSource, FileData, ImageReading, LabelFiles, LabelledImages, TestImages
from sissi.config.detector import Detector
from sissi.config.experiment import CustomVariant, Evaluation, Experiment, Runtime, Tracking
from sissi.config.training import Augmentation, Deceleration, EarlyLearning, Training
from sissi.config.weak_labels import (
    AdherentCells,
    AliveCells,
    DeadCells,
    InhibitedCells,
    PipelineChoice,
    StainedCells,
    WeakLabels,
)

__all__ = [
    "AdherentCells",
    "AliveCells",
    "Augmentation",
    "Blur",
    "CustomVariant",
    "DeadCells",
    "Deceleration",
    "DemoData",
    "Detector",
    "DrawnSource",
    "EarlyLearning",
    "Evaluation",
    "Experiment",
    "FileData",
    "ImageReading",
    "InhibitedCells",
    "LabelFiles",
    "LabelledImages",
    "PipelineChoice",
    "PseudoLabels",
    "Runtime",
    "SelfTraining",
    "StainedCells",
    "SyntheticImages",
    "TestImages",
    "Tracking",
    "Training",
    "WeakLabels",
]
