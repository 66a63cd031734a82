"""Description in the run of an ablation: everything that is needed to assess and repeat it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sissi.boxes import Boxes
from sissi.config import Experiment
from sissi.config.load import dump_experiment, flatten
from sissi.data.experiment_data import ExperimentData
from sissi.data.formats.coco import to_coco
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.runtime.events import Dataset, Json, Params, Text
from sissi.tracking import LocalRun


def log_description(parent: LocalRun, experiment: Experiment, data: ExperimentData, problems: Problems) -> None:
    """Record settings, data sets with their problems, and the boxes of readers and reference in a run."""
    parent.record(Params(flatten(experiment)))
    parent.record(Text(dump_experiment(experiment), "experiment.yaml"))
    parent.record(Text("\n".join(problems.summary(examples=100)) or "none", "data_problems.txt"))
    for role, digest in data.digests().items():
        samples = data.roles[role]
        profile = {"images": len(samples), "boxes": sum(len(sample.boxes) for sample in samples)}
        parent.record(Dataset(role, digest, str(samples[0].path.parent), role, profile))
    for reader, boxes in data.readers.items():
        parent.record(Json(_as_coco(data.target_test, boxes), f"readers/{reader}.json"))
    if data.reference is not None:
        known = data.referenced()
        parent.record(Json(_as_coco(known, [sample.boxes for sample in known]), "reference.json"))


def _as_coco(samples: Sequence[Sample], boxes: Sequence[Boxes]) -> dict[str, Any]:
    return to_coco([(sample.name, sample.height, sample.width) for sample in samples], boxes)
