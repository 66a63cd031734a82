"""Whether each class of an experiment has labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sissi.config import Experiment
from sissi.data.checks.detector_fit import Labelled
from sissi.data.problems import Problems

SOURCE = "source_"
"""Begin of the names of the data sets of the source domain."""


def note_missing(experiment: Experiment, labelled: Mapping[str, Labelled], problems: Problems) -> None:
    """Note classes that no label of a target data set has.

    Args:
        experiment: whose classes count; of one class nothing is noted.
        labelled: images with boxes by the name of their data set, such as target_train.
        problems: takes the data sets.
    """
    names = experiment.class_names
    if len(names) < 2:
        return
    for role, images in labelled.items():
        found = np.unique(np.concatenate([np.zeros(0, np.int64), *(boxes.labels for _, boxes in images)])).tolist()
        missing = [name for label, name in enumerate(names, start=1) if label not in found]
        if not role.startswith(SOURCE) and found and missing:
            what = "nothing is learned of them" if role == "target_train" else "nothing is known about them here"
            problems.add(Path(role), "data set with classes that no label has", f"{', '.join(missing)}: {what}")
