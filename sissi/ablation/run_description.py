"""What the run of an ablation says about itself, so that it can be judged and repeated."""

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
    """Write settings, data and what is odd about them, and what readers and reference say, to a run."""
    parent.record(Params(flatten(experiment)))
    parent.record(Text(dump_experiment(experiment), "experiment.yaml"))
    parent.record(Text("\n".join(problems.summary(examples=100)) or "none", "data_problems.txt"))
    for role, digest in data.digests().items():
        samples = data.roles[role]
        profile = {"images": len(samples), "boxes": sum(len(sample.boxes) for sample in samples)}
        parent.record(Dataset(role, digest, str(samples[0].path.parent), role, profile))
    for reader, boxes in data.readers.items():
        known = [(sample, one) for sample, one in zip(data.target_test, boxes, strict=True) if one is not None]
        content = _as_coco([sample for sample, _ in known], [one for _, one in known])
        parent.record(Json(content, f"readers/{reader}.json"))
    if data.reference is not None:
        referenced = data.referenced()
        parent.record(Json(_as_coco(referenced, [sample.boxes for sample in referenced]), "reference.json"))


def _as_coco(samples: Sequence[Sample], boxes: Sequence[Boxes]) -> dict[str, Any]:
    return to_coco([(sample.name, sample.height, sample.width) for sample in samples], boxes)
