import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.inference.grading.detector_errors import DetectorErrors, Response, chosen, perfect
from sissi.inference.grading.viability import Groups, estimate, prepare

HIT = np.array([[0.88, 0.03, 0.02], [0.05, 0.80, 0.05], [0.03, 0.05, 0.82]])
"""The rest of each row is missed."""
FALSE = np.array([0.6, 0.5, 0.8])
"""False cells of an image."""
AREA = 1e4
GROUPS = Groups((0,), (2,))


def response(hit, false):
    return Response(np.array(hit)[None], np.array(false)[None], np.zeros(1), np.zeros(1))


true_counts = st.lists(st.integers(0, 400), min_size=3, max_size=3).map(lambda one: np.array([one], np.float64))


@given(true_counts)
def test_counts_without_noise_give_the_true_counts_back(true):
    area = 3 * AREA
    found = true @ HIT + FALSE / AREA * area
    np.testing.assert_allclose(response(HIT, FALSE / AREA).true_counts(found, area), true, atol=1e-6)


@pytest.mark.parametrize(("sensitivity", "specificity", "apparent"), [(0.9, 0.8, 0.5), (0.7, 0.95, 0.3), (1, 1, 0.2)])
def test_two_classes_without_missed_cells_are_corrected_as_by_rogan_and_gladen(sensitivity, specificity, apparent):
    hit = [[sensitivity, 1 - sensitivity], [1 - specificity, specificity]]
    first, second = response(hit, [0.0, 0.0]).true_counts(np.array([[1000 * apparent, 1000 * (1 - apparent)]]), 1)[0]
    rogan_gladen = (apparent + specificity - 1) / (sensitivity + specificity - 1)
    assert first / (first + second) == pytest.approx(rogan_gladen)


@given(true_counts)
def test_no_corrected_count_is_negative_and_none_is_less_likely_than_the_cut_inversion(found):
    how = response(HIT, FALSE / AREA)
    true = how.true_counts(found, 4 * AREA)
    assert (true >= 0).all()

    def likelihood(counts):
        expected = counts @ HIT + 4 * FALSE
        return float((found * np.log(expected) - expected).sum())

    inverted = (found - 4 * FALSE) @ np.linalg.inv(HIT)
    assert likelihood(true) >= likelihood(np.maximum(inverted, 0)) - 0.05


def test_the_response_is_that_of_the_table():
    table = np.array([[8, 1, 1], [2, 5, 3], [4, 6, 0]])
    one = DetectorErrors(table[None], np.array([200.0])).response()
    np.testing.assert_allclose(one.hit[0], [[0.8, 0.1], [0.2, 0.5]])
    np.testing.assert_allclose(one.false[0], [0.02, 0.03])


def test_classes_that_the_validation_lacks_are_named():
    table = np.array([[8, 1, 1], [0, 0, 0], [4, 6, 0]])
    assert DetectorErrors(table[None], np.array([200.0])).unseen == [1]


@pytest.mark.parametrize("images", [4, 40])
def test_drawn_responses_scatter_around_the_response_by_the_number_of_cells(images):
    table = np.array([[80, 10, 10], [20, 50, 30], [4, 6, 0]])
    errors = DetectorErrors(np.stack([table] * images), np.full(images, 200.0))
    drawn = errors.drawn(4000, np.random.default_rng(0))
    np.testing.assert_allclose(drawn.hit.mean(axis=0), errors.response().hit[0], atol=0.01)
    assert (drawn.hit.sum(axis=2) <= 1 + 1e-9).all() and (drawn.false >= 0).all()
    if images == 4:  # cells are resampled: a binomial share of 400 cells
        assert drawn.hit[:, 0, 0].std() == pytest.approx((0.8 * 0.2 / 400) ** 0.5, rel=0.1)


def test_a_detector_without_errors_leaves_counts_as_they_are():
    found = np.array([[3.0, 0, 7]])
    np.testing.assert_array_equal(perfect(3).true_counts(found, AREA), found)


def test_versions_of_several_detectors_are_taken_in_turn():
    first = Response(np.stack([np.eye(2) * n for n in (1, 2)]), np.zeros((2, 2)), np.zeros(2), np.zeros(2))
    second = Response(np.stack([np.eye(2) * n for n in (7, 8)]), np.zeros((2, 2)), np.ones(2), np.zeros(2))
    taken = chosen([first, second], np.array([1, 0, 0, 1, 1]))
    assert taken.hit[:, 0, 0].tolist() == [7, 1, 2, 8, 7] and taken.spread.tolist() == [1, 0, 0, 1, 1]


def an_image(random, true):
    """The confusion matrix of an image with these true cells."""
    rows = [random.multinomial(count, [*row, 1 - row.sum()]) for count, row in zip(true, HIT, strict=True)]
    return np.array([*rows, [*random.poisson(FALSE), 0]])


def test_the_interval_holds_the_true_viability_of_at_least_90_of_100_wells():
    held = held_by_counting = 0
    for seed in range(10):  # ten validations of 30 images, ten wells each
        random = np.random.default_rng(seed)
        tables = [an_image(random, random.multinomial(40, random.dirichlet(np.ones(3)))) for _ in range(30)]
        how = prepare(GROUPS, 3, 1, [DetectorErrors(np.array(tables), np.full(30, AREA))])
        for _ in range(10):
            viability, other = random.random(), random.uniform(0, 0.3)
            of_classes = np.array([viability * (1 - other), other, (1 - viability) * (1 - other)])
            tables = [an_image(random, random.multinomial(100, of_classes)) for _ in range(4)]
            found = estimate(np.sum(tables, axis=0)[None, :, :3].sum(axis=1), [AREA] * 4, how)
            held += found.low <= viability <= found.high
            held_by_counting += found.counting_low <= viability <= found.counting_high
    assert held >= 90
    assert held_by_counting < held


def test_responses_of_few_images_scatter_more_and_around_the_same_mean():
    mean = response(HIT, FALSE / AREA)
    many = Response(*(np.repeat(one, 20_000, axis=0) for one in (mean.hit, mean.false, [0.1], [0.2])))
    spreads = []
    for images in (1, 10):
        drawn = many.of_images(images, np.random.default_rng(0))
        np.testing.assert_allclose(drawn.hit.mean(axis=0), HIT, atol=0.01)
        np.testing.assert_allclose(drawn.false.mean(axis=0), FALSE / AREA, rtol=0.02)
        spreads.append(drawn.hit[:, 0, 0].var())
        assert spreads[-1] == pytest.approx(0.1 / images * 0.88 * 0.12, rel=0.1)  # a beta distribution
        assert (drawn.false.std(axis=0) / drawn.false.mean(axis=0)) ** 2 == pytest.approx(0.2 / images, rel=0.1)
    assert spreads[0] > spreads[1]
