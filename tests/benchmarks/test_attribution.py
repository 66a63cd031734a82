"""Degraded references: closed forms."""

import numpy as np
import pytest
from hypothesis import given

from benchmarks.attribution import DEFECTS, degraded
from sissi.boxes import make_boxes, match, same
from tests.strategies import boxes

TRUE = make_boxes([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]])
LABELS = make_boxes([[0, 0, 10, 9], [60, 0, 70, 10], [21, 0, 30, 10]])


@pytest.mark.parametrize(
    ("defects", "expected"),
    [
        ((), TRUE.xyxy.tolist()),
        (("missing",), [[0, 0, 10, 10], [20, 0, 30, 10]]),
        (("false",), [*TRUE.xyxy.tolist(), [60, 0, 70, 10]]),
        (("inexact",), [[0, 0, 10, 9], [21, 0, 30, 10], [40, 0, 50, 10]]),
        (("missing", "inexact"), [[0, 0, 10, 9], [21, 0, 30, 10]]),
        (DEFECTS, [[0, 0, 10, 9], [21, 0, 30, 10], [60, 0, 70, 10]]),
    ],
)
def test_each_defect_by_itself(defects, expected):
    assert degraded(TRUE, LABELS, defects).xyxy.tolist() == expected


@given(boxes(), boxes())
def test_without_defects_it_is_the_reference_and_with_all_the_labels(reference, labels):
    assert same(degraded(reference, labels, ()), reference)
    found = degraded(reference, labels, DEFECTS)
    assert sorted(found.xyxy.tolist()) == sorted(labels.xyxy.tolist())
    missing = degraded(reference, labels, ("missing",))
    assert len(missing) == np.count_nonzero(match(labels, reference) >= 0)
