from dataclasses import replace

import numpy as np
import pytest

from sissi.config import Deceleration
from sissi.config.variants import VARIANTS
from sissi.evaluation.bootstrap import Difference
from sissi.figures import costs, deceleration_curve, differences, label_quality
from sissi.figures.style import LINES, lines_of
from sissi.method.deceleration import adele_start, fits, value

CURVE = [float(one) for one in value(np.arange(1, 21), 0.6, 0.9, 3.0)]


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_figure_7_marks_the_start_point_on_the_fit_and_the_threshold():
    start = adele_start(CURVE, Deceleration())
    left, right = deceleration_curve(CURVE, start.fits, start.epoch, 0.9).axes
    star = next(line for line in left.lines if line.get_marker() == "*")
    assert list(star.get_xdata()) == [start.epoch]
    assert star.get_ydata()[0] == pytest.approx(100 * CURVE[start.epoch - 1], abs=0.1)
    np.testing.assert_allclose(left.lines[0].get_ydata(), np.multiply(CURVE, 100))
    assert f"correction starts after epoch {start.epoch}" in labels(left) and "threshold 90%" in labels(right)
    crossing = next(epoch for epoch, change in zip(*right.lines[0].get_data(), strict=True) if change > 90)
    assert crossing == start.epoch


def test_figure_7_shows_where_other_thresholds_would_start():
    every = fits(CURVE, 4)
    right = deceleration_curve(CURVE, every, None, 0.9, (0.5, 0.8, 0.999999)).axes[1]
    found = {text.get_text(): text.xy[0] for text in right.texts}
    assert found == {"50%": adele_start(CURVE, Deceleration(threshold=0.5)).epoch,
                     "80%": adele_start(CURVE, Deceleration(threshold=0.8)).epoch}  # fmt: skip


def test_figure_7_of_a_curve_without_a_fit_shows_its_points_alone():
    left, right = deceleration_curve([0.0, 0.0, 0.0], [], None, 0.9, (0.5,)).axes
    assert labels(left) == ["AP50, measured"] and len(labels(right)) == 2


def test_label_quality_has_a_line_for_each_variant_and_names_each_once():
    curves = {"baseline": [[(5, 0.8), (6, 0.9)]], "plain-a": [[(4, 0.5)]]}
    figure = label_quality(curves, curves, (0.7, 0.4))
    assert [len(axes.lines) for axes in figure.axes] == [3, 3]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["Baseline", "Plain A", "initial labels"]
    assert [float(one) for one in figure.axes[1].lines[0].get_ydata()] == [80, 90]


def test_label_quality_of_several_seeds_is_their_mean_where_all_have_one_over_a_faint_line_each():
    curves = {"baseline": [[(5, 0.8), (6, 0.9)], [(4, 0.5), (5, 0.7), (6, 0.75)]]}
    *seeds, mean = label_quality(curves, curves, None).axes[0].lines
    assert [list(line.get_xdata()) for line in seeds] == [[5, 6], [4, 5, 6]]
    assert all(line.get_alpha() < 0.5 and line.get_label().startswith("_") for line in seeds)
    assert list(mean.get_xdata()) == [5, 6] and mean.get_label() == "Baseline"
    np.testing.assert_allclose(mean.get_ydata(), [75, 82.5])


def test_differences_are_drawn_in_points_at_the_row_of_their_variant():
    one = Difference(0.05, -0.01, 0.11, 1)
    figure = differences({"A": {"sissi-w": one}, "B": {"sissi-w": one, "plain-a": one}}, "AP")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["A", "B"]
    interval, dot, *_ = figure.axes[1].lines
    assert list(interval.get_xdata()) == [-1, 11] and list(dot.get_xdata()) == [5]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["SISSI (W)", "Plain A"]


def test_costs_have_a_bar_for_each_stage_and_none_for_an_unknown_cost():
    figure = costs(["trunk", "baseline"], {"time, s": [60, 30], "peak memory, MB": [1000, float("nan")]})
    widths = [[bar.get_width() for bar in axes.patches] for axes in figure.axes]
    assert widths[0] == [60, 30] and widths[1][0] == 1000 and np.isnan(widths[1][1])


def test_rows_of_an_experiment_have_their_own_titles_and_lines():
    own = {name: replace(VARIANTS["plain-a"], name=name, title=f"the {name} one") for name in ("first", "second")}
    known = VARIANTS | own
    curves = {name: [[(5, 0.8), (6, 0.9)]] for name in ("plain-a", *own)}
    figure = label_quality(curves, curves, None, known)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["Plain A", "the first one", "the second one"]
    drawn = [(line.get_color(), line.get_linestyle(), line.get_marker()) for line in figure.axes[0].lines]
    assert len(set(drawn)) == 3
    one = Difference(0.05, -0.01, 0.11, 1)
    labels = differences({"A": {"second": one}}, "AP", known=known).axes[0].get_yticklabels()
    assert [text.get_text() for text in labels] == ["the second one"]
    assert len(set(lines_of(f"row {number}" for number in range(20)).values())) == 20


def test_no_two_variants_look_alike_and_none_is_left_out():
    assert set(LINES) == set(VARIANTS)
    assert len({(line.dashes, line.marker) for line in LINES.values()}) == len(LINES)
    assert len({line.colour for line in LINES.values()}) == len(LINES)
