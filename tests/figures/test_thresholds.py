import numpy as np

from sissi.config import Deceleration
from sissi.figures import threshold_study
from sissi.method.deceleration import adele_start, value

CURVE = [float(one) for one in value(np.arange(1, 21), 0.6, 0.9, 3.0)]


def test_every_threshold_stands_at_the_epoch_that_it_means_and_every_start_has_one_score():
    starts = {one: adele_start(CURVE, Deceleration(threshold=one)) for one in (0.5, 0.55, 0.8, 0.9)}
    scores = {start.epoch: 1 / start.epoch for start in starts.values()}
    assert len(scores) == 3
    trials = [(one, start.epoch, scores[start.epoch]) for one, start in starts.items()]
    stopped = (0.7, adele_start(CURVE, Deceleration(threshold=0.7)).epoch, None)
    figure = threshold_study(CURVE, starts[0.9].fits, [*trials, stopped], trials[0], "weak_labels/AP50")
    _, change, score = figure.axes
    diamonds = next(line for line in change.lines if line.get_marker() == "D")
    np.testing.assert_allclose(diamonds.get_xdata(), [*(start.epoch for start in starts.values()), stopped[1]])
    np.testing.assert_allclose(diamonds.get_ydata(), [50, 55, 80, 90, 70])
    curve = change.lines[0]
    for epoch, threshold in zip(*diamonds.get_data(), strict=True):
        later = dict(zip(*curve.get_data(), strict=True))
        assert later[epoch] > threshold >= later.get(epoch - 1, 0)
    dots, star = score.lines
    assert dict(zip(*dots.get_data(), strict=True)) == scores
    assert list(star.get_xdata()) == [trials[0][1]] and list(star.get_ydata()) == [trials[0][2]]
    assert [text.get_text() for text in score.texts] == ["0.5–0.55", "0.8", "0.9"]


def test_an_oracle_study_says_so_on_its_figure():
    trial = (0.9, 8, 0.5)
    assert (
        threshold_study(CURVE, [], [trial], trial, "reader_1/AP", "ORACLE: no result")
        .get_suptitle()
        .startswith("ORACLE")
    )
