import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sissi.ablation import reader_scores
from sissi.ablation.reader_scores import score_readers
from sissi.boxes import EMPTY, make_boxes
from sissi.data.sample import Sample
from sissi.errors import SissiError
from sissi.evaluation.metrics import coco_metrics
from sissi.evaluation.pycocotools_metrics import pycocotools_metrics

FOUND = make_boxes([[0, 0, 10, 9], [20, 20, 30, 40]], [0.9, 0.8])
READERS = {"first": [make_boxes([[0, 0, 10, 10]])], "second": [EMPTY]}


@pytest.fixture
def score(monkeypatch):
    """Scores of an image in which a detector finds two cells."""
    monkeypatch.setattr(Sample, "read", lambda sample: sample.path)
    monkeypatch.setattr(reader_scores, "detect", lambda detector, image: FOUND)
    sample = Sample("a.png", Path("a.png"), 50, 50, EMPTY)
    return lambda: score_readers(None, [sample], READERS, 100, lambda fraction: None)


def test_the_scores_are_those_of_pycocotools(score, monkeypatch):
    asked = []
    monkeypatch.setattr(
        reader_scores, "pycocotools_metrics", lambda *given: asked.append(given) or pycocotools_metrics(*given)
    )
    predicted, scores = score()
    assert predicted == [FOUND] and [truth for _, truth, _ in asked] == list(READERS.values())
    assert pytest.approx(0.9) == scores["first"].AP  # an IoU of 0.9 is below the highest threshold
    assert math.isnan(scores["second"].AP)  # without a true box, both have no score


@pytest.mark.parametrize("other", [lambda value: float(np.nextafter(value, 0)), lambda value: math.nan])
def test_a_difference_to_the_compiled_code_stops_with_both_values(score, monkeypatch, other):
    def differs(*given):
        metrics = coco_metrics(*given)
        return replace(metrics, AR=other(metrics.AR))

    monkeypatch.setattr(reader_scores, "coco_metrics", differs)
    right = coco_metrics([FOUND], READERS["first"], 100).AR
    with pytest.raises(SissiError) as error:
        score()
    assert f"first: AR is {right!r} by pycocotools and {other(right)!r} by sissi" in str(error.value)
    assert "please report" in str(error.value) and "pycocotools 2" in str(error.value)
