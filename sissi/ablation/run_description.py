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
from sissi.results.ablation_results import AblationResults
from sissi.runtime.events import Dataset, ExperimentTags, Json, Params, Text
from sissi.tracking import LocalRun
from sissi.tracking.saved_view import scores_view

COMPARING = """\
**Comparing rows and readers.** The runs inside this one are its rows; `trunk` is the early learning that they share.
In the table of the experiment, *Views* has *AP and AR by reader*, and *Columns* adds any other score. Select runs and
press *Compare* for their curves: `labels/precision` and `labels/recall` show what correction did to the labels. The
artifacts are the pseudo labels of every cycle, the predictions for the test images, and the tables at full precision.
`sissi report` puts all of it on one page, with intervals.
"""
UNSCORED = """\
The runs inside this one are its rows; `trunk` is the early learning that they share. `labels/count` is the number of
labels over the cycles, `agreement/other_rows` how far a row agrees with the others. The artifacts are the pseudo labels
of every cycle, the detections in the training images, and the tables. `sissi labels` writes the labels of a row in any
format, and `sissi report` puts all of it on one page.
"""


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
        known = [(sample, one) for sample, one in zip(data.target_test, boxes, strict=True) if one is not None]
        content = _as_coco([sample for sample, _ in known], [one for _, one in known], experiment.class_names)
        parent.record(Json(content, f"readers/{reader}.json"))
    if data.readers:
        parent.record(ExperimentTags(scores_view(data.readers, ("AP", "AR"), parent.header["started"])))
    if data.reference is not None:
        referenced = data.referenced()
        truth = [sample.boxes for sample in referenced]
        parent.record(Json(_as_coco(referenced, truth, experiment.class_names), "reference.json"))


def description(results: AblationResults) -> str:
    """What MLflow's page says of the ablation, as Markdown: table 1, and how to compare rows and readers there."""
    unscored = bool(results.agreements)
    head = [] if unscored else ["**Table 1 for this run, in %**"]
    parts = [*head, results.as_markdown(), UNSCORED if unscored else COMPARING]
    return "\n\n".join(part.strip() for part in parts if part)


def _as_coco(samples: Sequence[Sample], boxes: Sequence[Boxes], classes: Sequence[str]) -> dict[str, Any]:
    return to_coco([(sample.name, sample.height, sample.width) for sample in samples], boxes, classes)
