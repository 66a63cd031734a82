import math

import pytest
from hypothesis import given

from sissi.boxes import EMPTY, make_boxes
from sissi.evaluation.reader_agreement import agreement
from tests.strategies import boxes

CELL = make_boxes([[0, 0, 10, 10]])
TWO = make_boxes([[0, 0, 10, 10], [20, 0, 30, 10]])


@given(boxes(), boxes())
def test_agreement_is_the_same_both_ways_and_perfect_with_oneself(first, second):
    assert agreement([first], [second]) == pytest.approx(agreement([second], [first]), nan_ok=True)
    if len(first):
        assert agreement([first], [first]) == 1


def test_agreement_pairs_as_many_boxes_as_possible():
    """Whichever box chooses first, the wide one can be paired with either, the narrow one with one only."""
    first = make_boxes([[0, 0, 10, 10], [0, 0, 10, 6]])
    second = make_boxes([[0, 0, 10, 9], [0, 0, 10, 19]])
    assert agreement([first], [second]) == 1
    assert agreement([CELL], [TWO]) == pytest.approx(2 / 3)
    assert math.isnan(agreement([EMPTY], [EMPTY])) and agreement([CELL], [EMPTY]) == 0
