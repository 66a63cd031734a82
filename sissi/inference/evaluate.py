"""Evaluation of a trained detector on the test images of an experiment."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sissi.ablation.reader_scores import classes_of_readers, score_readers
from sissi.config import Experiment
from sissi.data.experiment_data import load_test_data
from sissi.data.problems import Problems
from sissi.detector.model import CellDetector
from sissi.errors import SissiError
from sissi.evaluation.metrics import METRICS, TABLE_METRICS
from sissi.inference.onnx_network import load_for_prediction
from sissi.inference.trained_model import find_model
from sissi.runtime.device import device_of
from sissi.runtime.tables import Cell, Table, row_of


def evaluate_model(model: str, experiment: Experiment, out: Path | None, variant: str | None = None) -> Table:
    """Metrics of a detector for each reader.

    Args:
        model: detector file, MLflow address such as runs:/RUN_ID/model, or latest.
        experiment: experiment with the test images and the readers.
        out: folder for scores.json, which contains fractions; it is created if necessary.
        variant: row of the latest ablation, if the model is latest.

    Returns:
        Table in percent.

    Raises:
        SissiError: the model or the data cannot be used.
    """
    file = find_model(model, experiment.tracking.folder, variant).file
    detector = load_for_prediction(file, device_of(experiment.runtime.device))
    problems = Problems()
    test, readers = load_test_data(experiment, problems)
    _require_classes(model, detector, experiment)
    found, scores = score_readers(detector, test, readers, experiment.evaluation.max_detections, _silent)
    of_classes = classes_of_readers(found, readers, experiment.class_names)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        plain: dict[str, Any] = {reader: metrics.as_dict() for reader, metrics in scores.items()}
        for reader, by_class in of_classes.items():
            plain[reader]["classes"] = {one.name: asdict(one) for one in by_class}
        (out / "scores.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    rows = [
        [*row_of(reader), *(Cell(f"{100 * value:.1f}", 100 * value) for value in metrics.as_dict().values())]
        for reader, metrics in scores.items()
    ]
    for reader, by_class in of_classes.items():
        for one in by_class:
            shown = [Cell(f"{100 * getattr(one, metric):.1f}", getattr(one, metric)) for metric in TABLE_METRICS]
            rows.append([*row_of(f"{reader}, {one.name}"), *shown, Cell("", None)])
    caption = f"{model} on {len(test)} test images, in %."
    return Table("scores", caption, ["reader", *METRICS], rows, note="\n".join(problems.summary()))


def _require_classes(model: str, detector: CellDetector, experiment: Experiment) -> None:
    """Refuse a detector of other classes than those of the readers, unless there is one class of any name.

    Raises:
        SissiError: the classes differ.
    """
    mine, theirs = detector.classes, experiment.class_names
    if mine != theirs and max(len(mine), len(theirs)) > 1:
        raise SissiError(
            f"{model}: finds the classes {', '.join(mine)}, and the experiment has {', '.join(theirs)}: give `classes` "
            "with these names in this order, or leave `classes` out of a detector of one class"
        )


def _silent(fraction: float, loss: float | None = None) -> None:
    """Ignore the progress."""
