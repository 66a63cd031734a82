"""Score a detector that was trained before on the test images of an experiment."""

from __future__ import annotations

import json
from pathlib import Path

from rich.table import Table

from sissi.ablation.reader_scores import score_readers
from sissi.config import Experiment
from sissi.data.experiment_data import load_test_data
from sissi.data.problems import Problems
from sissi.detector.model import load
from sissi.evaluation.metrics import TABLE_METRICS
from sissi.inference.trained_model import find_model
from sissi.runtime.device import device_of


def evaluate_model(model: str, experiment: Experiment, out: Path | None) -> Table:
    """The metrics of a detector for each reader, in percent; with `out`, as fractions in its scores.json too.

    Args:
        model: a detector file, or an MLflow address such as runs:/RUN_ID/model.
        experiment: names the test images and the readers.
        out: a folder, made if it is missing.
    """
    detector = load(find_model(model, experiment.tracking.folder).file, device_of(experiment.runtime.device))
    problems = Problems()
    test, readers = load_test_data(experiment, problems)
    _, scores = score_readers(detector, test, readers, experiment.evaluation.max_detections, _silent)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        plain = {reader: metrics.as_dict() for reader, metrics in scores.items()}
        (out / "scores.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    notes = "\n".join(problems.summary())
    table = Table(title=f"{model} on {len(test)} test images, in %", caption=notes or None)
    table.add_column("reader")
    for metric in TABLE_METRICS:
        table.add_column(metric, justify="right")
    for reader, metrics in scores.items():
        table.add_row(reader, *(f"{100 * value:.1f}" for value in metrics.as_dict().values()))
    return table


def _silent(fraction: float, loss: float | None = None) -> None:
    """Nobody watches."""
