"""The rules of the flags, against closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.boxes import EMPTY, Boxes, iou, make_boxes
from sissi.inference.audit.flags import flag_image, missing_probability, ranked
from sissi.inference.audit.image_effects import ImageEffects
from sissi.inference.audit.pairing import pair
from tests.strategies import boxes

FRACTIONS = st.floats(0, 1)
BELOW_ONE = st.floats(0, 0.99)


def known(probabilities, share: float) -> ImageEffects:
    """An image of which nothing is in doubt."""
    certainty = np.array(probabilities, np.float64).reshape(-1, 1)
    return ImageEffects(certainty, np.full(certainty.shape, share), np.array([share]), np.ones((1, 1)))


@given(cell=FRACTIONS, completeness=BELOW_ONE, cells=st.integers(1, 10**6))
def test_a_detection_without_a_label_is_a_cell_by_the_counts_of_a_crowd_of_detections(cell, completeness, cells):
    true, false = cells * cell, cells * (1 - cell)
    unlabelled = true * (1 - completeness)
    [found] = missing_probability(known([cell], completeness))
    assert found == pytest.approx(unlabelled / (unlabelled + false))


def test_what_is_not_known_of_the_image_counts_as_its_mean():
    weights = np.array([[0.1, 0.2], [0.3, 0.4]])
    pairs = [[missing_probability(known([p], c))[0] for c in (0.2, 0.9)] for p in (0.5, 0.8)]
    [found] = missing_probability(
        ImageEffects(np.array([[0.5, 0.8]]), np.array([[0.2, 0.9]]), np.array([0.2, 0.9]), weights)
    )
    assert found == pytest.approx((weights * pairs).sum())


@given(boxes(), boxes(), BELOW_ONE, st.data())
def test_each_label_and_each_detection_without_one_is_flagged_once(detections, labels, completeness, data):
    sure = data.draw(st.lists(FRACTIONS, min_size=len(detections), max_size=len(detections)))
    flags = flag_image(detections, labels, known(sure, completeness))
    partner = pair(detections, labels)
    missing, of_labels = flags.of_kind("missing"), flags.take(flags.kinds != "missing")
    assert np.array_equal(missing.boxes.xyxy, detections.xyxy[partner < 0])
    assert np.array_equal(of_labels.boxes.xyxy, labels.xyxy)
    assert len(flags) == len(labels) + (partner < 0).sum()
    assert ((flags.boxes.scores >= 0) & (flags.boxes.scores <= 1)).all()
    alone = np.setdiff1d(np.arange(len(labels)), partner)
    assert (of_labels.boxes.scores[alone] == 1).all() and (of_labels.kinds[alone] == "wrong").all()


@given(boxes(), boxes())
def test_pairs_are_one_to_one_near_and_leave_no_near_pair(detections, labels):
    partner = pair(detections, labels)
    taken = partner[partner >= 0]
    assert len(set(taken.tolist())) == len(taken)
    overlaps = iou(detections, labels)
    assert all(overlaps[index, other] >= 0.2 for index, other in enumerate(partner) if other >= 0)
    left = np.setdiff1d(np.arange(len(labels)), partner)
    assert not (overlaps[np.ix_(partner < 0, left)] >= 0.2).any()


def detected(*rows: tuple[float, float, float, float]) -> Boxes:
    return make_boxes(rows, np.linspace(0.9, 0.8, len(rows)))


def test_sure_detections_of_exact_labels_leave_no_doubt():
    labels = make_boxes([[0, 0, 10, 10], [20, 0, 30, 10]])
    assert (flag_image(detected(*labels.xyxy), labels, known([1, 1], 0.5)).boxes.scores == 0).all()


def test_a_shifted_label_is_loose_by_one_minus_its_iou_and_has_the_box_of_the_detection():
    flags = flag_image(detected((0, 0, 10, 10)), make_boxes([[5, 0, 15, 10]]), known([0.9], 0.5))  # IoU 1 / 3
    assert flags.kinds.tolist() == ["loose"] and flags.boxes.scores[0] == pytest.approx(0.9 * 2 / 3)
    assert flags.suggestions.tolist() == [[0, 0, 10, 10]]


def test_flags_are_ranked_over_all_images():
    first = flag_image(detected((0, 0, 9, 9), (20, 0, 29, 9)), EMPTY, known([0.6, 0.9], 0))
    second = flag_image(EMPTY, make_boxes([[0, 0, 9, 9]]), known([], 0.5))
    assert ranked([first, second], 0.7) == [(1, 0), (0, 1)]
    assert ranked([first, second], 0.5) == [(1, 0), (0, 1), (0, 0)]
