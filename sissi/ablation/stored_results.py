"""Results of finished branches, read from the folders of their cache entries; nothing here computes."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sissi.boxes import Boxes, make_boxes
from sissi.evaluation.bootstrap import Resampled
from sissi.evaluation.class_scores import ClassScore
from sissi.runtime.array_file import read_array
from sissi.runtime.cache import Entry

RESAMPLED, CLASSES = "resampled.npy", "classes.json"
"""Files of a finished `score_branch`."""


def read_resampled(entry: Entry, readers: Iterable[str]) -> dict[str, Resampled]:
    """Results of `bootstrap.bootstrap` for each reader, from the folder of a finished `score_branch`."""
    return dict(zip(readers, read_array(entry.folder / RESAMPLED), strict=True))


def read_class_scores(entry: Entry) -> dict[str, list[ClassScore]]:
    """Scores of each class for each reader, from the folder of a finished `score_branch`; empty for one class."""
    by_reader = json.loads((entry.folder / CLASSES).read_text(encoding="utf-8"))
    return {reader: [ClassScore(**one) for one in scores] for reader, scores in by_reader.items()}


def read_detections(entry: Entry, score: float) -> list[Boxes]:
    """Boxes with at least this score in each target training image, from the folder of a finished `detect_branch`."""
    found = (make_boxes(*boxes) for boxes in entry.result)
    return [boxes.take(boxes.scores >= score) for boxes in found]
