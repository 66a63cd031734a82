import math
from dataclasses import replace

import pytest

from sissi.results.scores import Summary, best, percent, short, summarise
from tests.results.test_table_1 import row


def test_mean_and_sample_standard_deviation_over_the_seeds_that_have_a_score():
    rows = [row(seed=0, ap=0.2), row(seed=1, ap=0.3), row(seed=2, ap=0.4), row(seed=3, ap=math.nan)]
    one = summarise(rows)["baseline", "reader_1", "AP"]
    assert (one.mean, one.spread, one.seeds) == (pytest.approx(0.3), pytest.approx(0.1), 3)


def test_one_seed_has_no_spread_and_none_has_no_mean():
    assert math.isnan(summarise([row()])["baseline", "reader_1", "AP"].spread)
    assert summarise([row(ap=math.nan)])["baseline", "reader_1", "AP"].seeds == 0


def test_the_best_of_the_six_are_marked_ties_included():
    rows = [row("baseline"), row("sissi-w"), row("plain-a", ap=0.1), row("weak-only", ap=0.9), row("oracle", ap=0.9)]
    found = best(summarise(rows))
    assert {variant for variant, _, metric in found if metric == "AP"} == {"baseline", "sissi-w"}
    lower = best(summarise([row("weak-only", ap=0.9), replace(row(), AP=math.nan)]))
    assert ("baseline", "reader_1", "AP") not in lower and ("baseline", "reader_1", "AR") in lower


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (Summary(0.36, math.nan, 1), "36.0"),
        (Summary(0.36, 0.0123, 3), "36.0 ± 1.2"),
        (Summary(math.nan, math.nan, 0), "-"),
    ],
)
def test_percent(one, text):
    assert percent(one) == text


def test_readers_of_table_1_are_short():
    assert short("reader_2") == "R2" and short("Anna") == "Anna"
