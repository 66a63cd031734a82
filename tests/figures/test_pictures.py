import numpy as np
import pytest
from matplotlib.colors import to_hex

from sissi.boxes import EMPTY, make_boxes
from sissi.figures import Panel, label_cycles, side_by_side, synthetic_like
from sissi.figures.style import GREEN, ORANGE, SKY, VERMILION

IMAGE = np.full((40, 60, 3), 128, np.uint8)
BOXES = make_boxes([[0, 0, 10, 10], [20, 20, 30, 35]])


def outlines(axes):
    """Number of boxes by colour."""
    return {
        to_hex(collection.get_color()[0]).upper(): len(collection.get_segments())
        for collection in axes.collections
        if len(collection.get_segments())
    }


def shown(figure):
    return [axes for axes in figure.axes if axes.images]


def test_boxes_lie_on_the_edges_of_their_pixels():
    [axes] = shown(side_by_side([[Panel("x", IMAGE, BOXES)]]))
    corners = axes.collections[0].get_segments()[1]
    assert corners.min(axis=0).tolist() == [19.5, 19.5] and corners.max(axis=0).tolist() == [29.5, 34.5]
    assert axes.get_title() == "x" and outlines(axes) == {ORANGE: 2}


def test_a_panel_is_its_image_whatever_lies_outside():
    outside = make_boxes([[-30, 5, -5, 20], [50, 30, 90, 80]])
    [axes] = shown(side_by_side([[Panel("x", IMAGE, outside)]]))
    axes.figure.canvas.draw()
    assert axes.get_xlim() == (-0.5, 59.5) and axes.get_ylim() == (39.5, -0.5)


def test_a_truth_tells_hits_errors_and_misses_apart():
    truth = make_boxes([[0, 0, 10, 9], [45, 5, 55, 15], [40, 20, 50, 35]])
    [axes] = shown(side_by_side([[Panel("x", IMAGE, BOXES, truth)]]))
    assert outlines(axes) == {GREEN: 1, VERMILION: 1, SKY: 2}


def test_no_boxes_are_no_fault():
    first, second = shown(side_by_side([[Panel("x", IMAGE, EMPTY), Panel("y", IMAGE, EMPTY, BOXES)]]))
    assert outlines(first) == {} and outlines(second) == {SKY: 2}


def test_each_image_starts_a_row_of_at_most_four():
    figure = side_by_side([[Panel(str(k), IMAGE) for k in range(5)], [Panel("new", IMAGE)]])
    places = {axes.get_title(): axes.get_subplotspec().rowspan.start for axes in shown(figure)}
    assert places == {"0": 0, "1": 0, "2": 0, "3": 0, "4": 1, "new": 2}


def test_figure_3_has_the_original_first_in_every_row():
    dark = np.zeros_like(IMAGE)
    figure = synthetic_like(IMAGE, {"sissi-w": {5: dark, 8: dark}, "a+sissi-s": {3: dark}})
    assert [axes.get_title() for axes in shown(figure)] == ["original", "epoch 5", "epoch 8", "original", "epoch 3"]
    assert [np.asarray(axes.images[0].get_array()).mean() for axes in shown(figure)] == [128, 0, 0, 128, 0]
    assert [axes.get_ylabel() for axes in shown(figure) if axes.get_ylabel()] == ["SISSI (W)", "A + SISSI (S)"]


@pytest.mark.parametrize(("truth", "colour"), [(None, ORANGE), (BOXES, GREEN)])
def test_figure_8_counts_the_labels_of_each_cycle(truth, colour):
    figure = label_cycles(IMAGE, {"plain-a": {0: BOXES, 4: BOXES.take(slice(1))}}, truth)
    first, second = shown(figure)
    assert (first.get_title(), second.get_title()) == ("initial labels: 2", "epoch 4: 1")
    assert outlines(first)[colour] == 2 and outlines(second)[colour] == 1


def test_a_figure_is_drawn(tmp_path):
    side_by_side([[Panel("x", IMAGE, BOXES, BOXES)]]).savefig(tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 1000
