"""Scores, confusion and agreement of several classes, against closed forms and other implementations."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.boxes import EMPTY, make_boxes
from sissi.evaluation.class_agreement import class_agreement
from sissi.evaluation.class_scores import class_scores
from sissi.evaluation.confusion import class_accuracy, confusion
from sissi.evaluation.metrics import class_ap50
from sissi.evaluation.pycocotools_metrics import pycocotools_metrics


def row(labels, scores=None, shift=0):
    """Boxes side by side, of these classes."""
    return make_boxes([[20 * i + shift, 0, 20 * i + 10 + shift, 10] for i in range(len(labels))], scores, labels)


NAMES = ("alive", "dead")


def test_scores_of_each_class_and_their_mean():
    truth = [row([1, 1, 2]), row([1])]
    predicted = [row([1, 2, 2], [0.9, 0.8, 0.7]), row([1], [0.6])]
    alive, dead, mean = class_scores(predicted, truth, NAMES)
    assert (alive.name, alive.cells, dead.name, dead.cells, mean.name, mean.cells) == ("alive", 3, "dead", 1, "mean", 4)
    assert pytest.approx(67 / 101) == alive.AP50  # two of three are found, without a false one: recall up to 0.66
    assert pytest.approx(0.5) == dead.AP50  # the false one comes first
    assert pytest.approx((alive.AP50 + dead.AP50) / 2) == mean.AP50
    assert alive.AP50_low <= alive.AP50 <= alive.AP50_high


def test_a_class_that_the_reader_does_not_name_is_not_known_and_not_in_the_mean():
    alive, dead, mean = class_scores([row([1, 2])], [row([1])], NAMES)
    assert math.isnan(dead.AP) and pytest.approx(alive.AP) == mean.AP
    assert np.isnan(class_ap50([row([1, 2])], [row([1])], 2)[1])


@given(
    st.lists(
        st.tuples(st.lists(st.integers(1, 3), max_size=5), st.lists(st.integers(1, 3), max_size=5)),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 99),
)
def test_the_mean_is_that_of_pycocotools_over_categories(images, seed):
    random = np.random.default_rng(seed)
    predicted = [row(mine, random.uniform(0, 1, len(mine))) for mine, _ in images]
    truth = [row(theirs) for _, theirs in images]
    *each, mean = class_scores(predicted, truth, ("a", "b", "c"))
    for metric in ("AP50", "AP75", "AP", "AR"):
        known = [getattr(one, metric) for one in each if not math.isnan(getattr(one, metric))]
        assert getattr(mean, metric) == pytest.approx(np.mean(known) if known else math.nan, nan_ok=True)
    whole = pycocotools_metrics(predicted, truth, 100, classes=3)
    assert pytest.approx(whole.AP, nan_ok=True) == mean.AP


def test_confusion_counts_right_wrong_missed_and_false():
    truth = [row([1, 1, 2, 2]), None, row([2])]
    predicted = [row([1, 2, 2]), row([1, 1]), row([1], shift=300)]
    counts = confusion(predicted, truth, 2)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 2], [1, 0, 0]]
    assert class_accuracy(counts) == pytest.approx(2 / 3)
    assert math.isnan(class_accuracy(confusion([EMPTY], [EMPTY], 2)))


def test_kappa_of_cohens_table():
    # 20 and 15 times both say 1 and 2, 5 and 10 times they differ: agreement 0.7, by chance 0.5
    first = [row([1])] * 25 + [row([2])] * 25
    second = [row([1])] * 20 + [row([2])] * 5 + [row([1])] * 10 + [row([2])] * 15
    found = class_agreement(first, second, 2)
    assert found.kappa == pytest.approx(0.4) and found.agreed == pytest.approx(0.7) and found.cells == 50
    assert 0 < found.low < 0.4 < found.high < 0.8
    mirrored = class_agreement(second, first, 2)
    assert mirrored.kappa == pytest.approx(found.kappa)


def test_kappa_is_not_known_of_one_class_or_nothing():
    assert math.isnan(class_agreement([row([1, 1])], [row([1, 1])], 2).kappa)
    assert math.isnan(class_agreement([row([1])], [EMPTY], 2).agreed)
    assert class_agreement([], [], 2).cells == 0
    assert class_agreement([row([1, 2])], [row([2, 1])], 2).kappa == pytest.approx(-1)
