import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from sissi.errors import SissiError
from sissi.inference.grading.detector_errors import DetectorErrors
from sissi.inference.grading.viability import Groups, Z, estimate, groups_of, prepare, wilson

GROUPS = Groups((0,), (2,))
ALONE = prepare(GROUPS, 3)
NAMES = ("alive", "inhibited", "dead")
cells = st.integers(0, 300)


def of(*counts, how=ALONE, images=1):
    return estimate(np.array(counts, np.int64), [1e4] * images, how)


@given(st.integers(1, 500).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_ends_are_those_of_wilson_s_interval(pair):
    low, high = wilson([-Z, Z], *pair)
    reference = binomtest(*pair).proportion_ci(0.95, method="wilson")
    assert low == pytest.approx(reference.low, abs=1e-12) and high == pytest.approx(reference.high, abs=1e-12)


@pytest.mark.parametrize("counts", [(30, 5, 10), (3, 0, 0), (0, 9, 20), (500, 3, 100), (1, 0, 1)])
def test_one_detector_without_known_errors_has_wilson_s_interval(counts):
    found = of(counts)
    reference = binomtest(counts[0], counts[0] + counts[2]).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == (pytest.approx(reference.low, abs=2e-3), pytest.approx(reference.high, abs=2e-3))
    assert (found.counting_low, found.counting_high) == pytest.approx((reference.low, reference.high), abs=1e-12)
    assert found.value == found.counted == counts[0] / (counts[0] + counts[2])


@given(cells, cells, cells)
def test_the_interval_holds_the_value_and_classes_of_neither_group_change_nothing(alive, other, dead):
    found = of((alive, other, dead))
    if alive + dead == 0:
        assert math.isnan(found.value) and math.isnan(found.low) and math.isnan(found.high)
    else:
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.value == of((alive, 0, dead)).value


def test_more_cells_make_the_interval_narrower():
    widths = [(one := of((3 * n, 0, n))).high - one.low for n in (1, 10, 100)]
    assert widths == sorted(widths, reverse=True) and widths[-1] < 0.1


def test_detectors_that_disagree_make_the_interval_wider_and_are_all_in_it():
    both = prepare(GROUPS, 3, detectors=2)
    found = of((900, 0, 100), (600, 0, 400), how=both)
    assert found.detectors == (0.9, 0.6) and found.value == pytest.approx(0.75)
    assert found.low < 0.6 and found.high > 0.9
    agreed = of((900, 0, 100), (900, 0, 100), how=both)
    assert agreed.high - agreed.low < 0.05


def test_a_well_in_which_one_of_two_detectors_finds_no_cell_may_have_any_viability():
    found = of((9, 0, 1), (0, 4, 0), how=prepare(GROUPS, 3, detectors=2))
    assert (found.value, found.low, found.high) == (0.9, 0, 1)


def test_the_same_counts_have_the_same_interval():
    assert of((7, 1, 2)) == estimate(np.array([[7, 1, 2]]), [1e4], prepare(GROUPS, 3))


@pytest.mark.parametrize(
    ("living", "affected", "groups"),
    [
        ((), (), Groups((0, 1), (2,))),
        ((), ("dead", "inhibited"), Groups((0,), (2, 1))),
        (("alive",), (), Groups((0,), (2,))),
        (("inhibited",), ("dead",), Groups((1,), (2,))),
    ],
)
def test_what_is_not_affected_is_living_unless_the_living_are_named(living, affected, groups):
    assert groups_of(NAMES, living, affected) == groups


@pytest.mark.parametrize(
    ("names", "living", "affected", "told"),
    [
        (("cell",), (), (), "the detector knows one class, cell: a viability needs living and affected cells"),
        (NAMES, ("alvie",), (), "--living alvie: the detector has no such class; it has alive, inhibited, dead"),
        (NAMES, (), ("round",), "--affected round: the detector has no such class; it has alive, inhibited, dead"),
        (NAMES, ("dead",), ("dead",), "dead: is named as --living and as --affected"),
        (NAMES, (), NAMES, "--living: name the classes that are living"),
        (("RBC", "WBC"), (), (), "--affected: name the classes that are affected; the detector has RBC, WBC"),
    ],
)
def test_groups_that_cannot_be_are_refused_in_a_sentence(names, living, affected, told):
    with pytest.raises(SissiError) as error:
        groups_of(names, living, affected)
    assert str(error.value).startswith(told)


def test_counts_that_false_cells_explain_leave_any_viability():
    tables = np.array([[[90, 5, 5, 0], [5, 90, 5, 0], [5, 5, 90, 0], [20, 20, 40, 0]]] * 12)
    how = prepare(GROUPS, 3, errors=[DetectorErrors(tables, np.full(12, 1e4))])
    found = of((10, 10, 20), how=how)
    assert found.value == found.counted and found.low == 0 and found.high == 1
