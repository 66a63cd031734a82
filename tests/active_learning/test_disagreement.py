import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from sissi.active_learning.disagreement import Committee, disagreement_of, share, vote_entropy
from sissi.boxes import EMPTY, Boxes, concatenate, make_boxes, match
from tests.strategies import boxes

HEIGHT, WIDTH = 200, 300
CELLS = make_boxes([[20, 20, 40, 40], [100, 20, 120, 44], [200, 100, 230, 130]])


def entropy(p):
    return 0.0 if p in (0, 1) else -p * np.log2(p) - (1 - p) * np.log2(1 - p)


def some(*indices):
    return CELLS.take(np.array(indices, np.int64))


def judged(cycles, views=None):
    """The doubt about three cells, in their order."""
    result = disagreement_of(Committee(HEIGHT, WIDTH, cycles, views or {}))
    order = np.argmax(np.abs(result.boxes.xyxy[:, None] - CELLS.xyxy[None]).sum(axis=2) < 1e-3, axis=0)
    np.testing.assert_allclose(result.boxes.xyxy[order], CELLS.xyxy, atol=1e-3)
    return result, order


def test_votes_are_counted_between_variants_cycles_and_views():
    cycles = {
        "baseline": [some(0, 1, 2), some(0, 1)],
        "plain-a": [some(0), some(0, 1)],
        "sissi-w": [some(0, 2), some(0, 2)],
        "sissi-s": [some(0), some(0)],
    }
    views = {"baseline": [some(0, 1), some(0), some(0), some(0)], "plain-a": [some(0, 1)] * 4}
    result, order = judged(cycles, views)
    # last cycles: the first cell in 4 of 4 variants, the second in 2, the third in 1
    np.testing.assert_allclose(result.sources["variants"][order], [0, 1, entropy(1 / 4)], atol=1e-9)
    # two cycles of each variant: 1/2 once for the second cell, once for the third; the mean of four variants
    np.testing.assert_allclose(result.sources["cycles"][order], [0, 1 / 4, 1 / 4], atol=1e-9)
    np.testing.assert_allclose(result.sources["views"][order], [0, entropy(1 / 4) / 2, 0], atol=1e-9)
    expected = [0, (1 + 1 / 4 + entropy(1 / 4) / 2) / 3, (entropy(1 / 4) + 1 / 4) / 3]
    np.testing.assert_allclose(result.disagreement[order], expected, atol=1e-9)
    assert result.score == pytest.approx(sum(expected))
    np.testing.assert_allclose(result.boxes.scores[order], [1, 3 / 8, 3 / 8])


def test_a_source_without_a_second_vote_has_no_say():
    assert set(judged({"plain-a": [CELLS, CELLS]})[0].sources) == {"cycles"}
    assert set(judged({"plain-a": [CELLS], "baseline": [CELLS]})[0].sources) == {"variants"}
    alone, _ = judged({"plain-a": [CELLS]})
    assert alone.sources == {} and alone.score == 0


def test_an_image_in_which_nobody_finds_a_cell_is_not_in_question():
    result = disagreement_of(Committee(HEIGHT, WIDTH, {"plain-a": [EMPTY] * 3, "baseline": [EMPTY] * 3}, {}))
    assert len(result.boxes) == 0 and result.score == 0 and result.disagreement.shape == (0,)


def test_boxes_that_differ_a_little_are_one_cell():
    shifted = make_boxes(CELLS.xyxy + np.float32(2))
    result = disagreement_of(Committee(HEIGHT, WIDTH, {"plain-a": [CELLS], "baseline": [shifted]}, {}))
    assert result.score == 0
    np.testing.assert_allclose(np.sort(result.boxes.xyxy, axis=0), np.sort(CELLS.xyxy + 1, axis=0), atol=1e-3)


@given(st.floats(0, 1))
def test_the_entropy_of_votes_is_symmetric_and_largest_when_they_are_split(p):
    value = vote_entropy(np.array([p, 1 - p, 0.5]))
    np.testing.assert_allclose(value, [entropy(p), entropy(p), 1], atol=1e-9)
    assert 0 <= value[0] <= 1


@given(boxes(), st.lists(boxes(), min_size=1, max_size=4))
def test_a_share_is_a_part_of_the_voters(cells, voters):
    shares = share(cells, voters)
    assert shares.shape == (len(cells),) and ((shares >= 0) & (shares <= 1)).all()
    np.testing.assert_allclose(share(cells, [cells, *voters]), (1 + len(voters) * shares) / (1 + len(voters)))


def noisy(truth: Boxes, noise: float, random) -> Boxes:
    """Labels of which this part of the cells is missing, and as many false ones there."""
    kept = truth.take(random.random(len(truth)) >= noise)
    corners = random.uniform(0, (WIDTH - 20, HEIGHT - 20), (random.binomial(len(truth), noise), 2))
    return concatenate([kept, make_boxes(np.concatenate([corners, corners + 15], axis=1))])


def test_images_on_which_the_labels_are_worse_rank_higher():
    random = np.random.default_rng(0)
    corners = np.mgrid[10 : HEIGHT - 30 : 40, 10 : WIDTH - 30 : 40].reshape(2, -1).T[:, ::-1]
    truth = make_boxes(np.concatenate([corners, corners + 20], axis=1))
    scores, errors = [], []
    for noise in np.linspace(0, 0.4, 30):
        cycles = {f"variant {k}": [noisy(truth, noise, random) for _ in range(3)] for k in range(4)}
        result = disagreement_of(Committee(HEIGHT, WIDTH, cycles, {}))
        labels = cycles["variant 0"][-1]
        found = (match(labels, truth) >= 0).sum()
        scores.append(result.score)
        errors.append(len(labels) + len(truth) - 2 * found)
    assert spearmanr(scores, errors).statistic > 0.8
